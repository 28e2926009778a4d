// What the page knows of the speaker: one pure function from a state and a note to the next state.

const LINES = 120; // the oldest go
const LEVELS = 75; // 15 s at five a second
const TURNS = 50; // as the speaker

/** @type {State} */
export const START = { stream: "opening", speaker: "unknown", status: null, lines: [], levels: [], keys: 0 };

/** The same state where the note changes nothing. @type {(state: State, note: Note) => State} */
export const reduce = (state, note) => ACTS[note.event]?.(state, note) ?? state;

/** @type {Record<string, (state: State, note: Note) => State>} */
const ACTS = {
	stream: (state, { stream }) => ({ ...state, stream }),
	speaker: (state, { speaker }) => ({ ...state, stream: "live", speaker }),
	snapshot: (state, { status }) => ({ ...state, stream: "live", speaker: "here", status, levels: leveled(state, status.devices?.mic) }),
	end: (state) => ({ ...state, speaker: "away" }),
	state: (state, { state: phase }) => patch(state, { state: phase }),
	mute: (state, { muted }) => patch(state, { muted }),
	volume: (state, { volume }) => patch(state, { volume }),
	light: (state, { light }) => patch(state, { light }),
	link: (state, { state: phase, problem, remedy }) => patch(state, { link: { ...state.status?.link, state: phase, problem, remedy } }),
	device: (state, { device, open, problem }) => patch(state, { devices: { ...state.status?.devices, [device]: { ...state.status?.devices?.[device], open, problem } } }),
	timers: (state, { event: _event, v: _v, at: _at, ...timers }) => patch(state, { timers: { ...state.status?.timers, ...timers } }),
	level: (state, { level_dbfs, floor_dbfs }) => ({ ...state, levels: leveled(state, { open: true, level_dbfs, floor_dbfs }) }),
	talk: (state, { name, open }) => patch(state, { talks: [...(state.status?.talks ?? []).filter((other) => other !== name), ...(open ? [name] : [])] }),
	said: (state, { lines }) => ({ ...state, lines }),
	say: (state, { text }) => said(ended(state), "user", text),
	transcript: (state, { who, text }) => said(state, who === "user" ? "user" : "model", text),
	turn: (state, { event: _event, v: _v, at: _at, ...turn }) => ended(patch(state, { turns: [...(state.status?.turns ?? []), turn].slice(-TURNS) })),
};

/** Change some of the status; without a status there is nothing to change. */
const patch = (state, changed) => (state.status ? { ...state, status: { ...state.status, ...changed } } : state);

function leveled(state, mic) {
	if (!mic?.open || mic.level_dbfs == null) return state.levels;
	return [...state.levels, { level: mic.level_dbfs, floor: mic.floor_dbfs }].slice(-LEVELS);
}

/** Add a piece to what this side says in the present turn; the two sides may interleave. */
function said(state, who, text) {
	const at = state.lines.findLastIndex((line) => line.who === who && !line.over);
	if (at < 0) {
		const line = { who, text: text.trimStart(), over: false, key: state.keys };
		return { ...state, keys: state.keys + 1, lines: [...state.lines, line].slice(-LINES) };
	}
	return { ...state, lines: state.lines.with(at, { ...state.lines[at], text: state.lines[at].text + text }) };
}

/** The turn is over: nobody adds to what was said in it. */
const ended = (state) => ({ ...state, lines: state.lines.map((line) => (line.over ? line : { ...line, over: true })) });

/** Whole sentences, and what has no end yet: a screen reader is told no halves. @param {Pick<Line, "text" | "over">} line */
export function sentences({ text, over }) {
	if (over) return [text, ""];
	const last = [...text.matchAll(/[.!?…]+["'”’)]*(?=\s)|[。！？]/gu)].at(-1);
	const cut = last ? last.index + last[0].length : 0;
	return [text.slice(0, cut), text.slice(cut)];
}

/** What needs the user's attention, the gravest first. @param {State} state @returns {Trouble[]} */
export function troubles({ stream, speaker, status }) {
	if (stream === "lost") return [{ text: "This page has lost its connection to the gateway.", remedy: "It tries again by itself. Check that this device is on the speaker's network." }];
	if (speaker === "away") return [{ text: "The speaker is away: the gateway cannot reach it.", remedy: "It may be starting again. If it stays away, `journalctl -u conure -n 50` tells why." }];
	if (!status) return [];
	const { link, devices, timers } = status;
	/** @type {Trouble[]} */
	const found = Object.entries(devices ?? {}).filter(([, device]) => device?.problem).map(([name, { problem }]) => ({ text: `${DEVICES[name][0]}: ${problem}`, remedy: `Check its cable, and \`${DEVICES[name][1]}\` in the settings; Health looks closer.` }));
	if (link?.problem) found.push({ kind: link.state === "refused" ? "bad" : "warn", text: link.problem, remedy: link.remedy });
	for (const text of timers?.missed ?? []) found.push({ kind: "info", text });
	return found;
}

const DEVICES = { mic: ["Microphone", "[board] mic"], speaker: ["Speaker", "[board] speaker"], lights: ["Lights", "[lights] kind"] };
