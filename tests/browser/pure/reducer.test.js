import assert from "node:assert/strict";
import { test } from "node:test";

import { START, reduce, sentences, troubles } from "../../../daemon/web/page/static/reducer.js";

const STATUS = {
	state: "idle", muted: false, volume: 40, light: "ready", turns: [],
	link: { state: "online", problem: null, remedy: null, connects: 3 },
	devices: { mic: { open: true, problem: null, level_dbfs: -50, floor_dbfs: -70, device: "hw:1" }, speaker: { open: true, problem: null } },
	timers: { waiting: 0, rings: null, next: null, missed: null },
};

const after = (...notes) => notes.reduce(reduce, START);
const here = (...notes) => after({ event: "speaker", speaker: "here" }, { event: "snapshot", status: STATUS }, ...notes);
const frozen = (value) => (value && typeof value === "object" && Object.values(value).forEach(frozen), Object.freeze(value));

test("a note that is not known changes nothing, and neither does one before the first snapshot", () => {
	const state = here();
	assert.equal(reduce(state, { event: "weather", degrees: 7 }), state);
	assert.equal(after({ event: "volume", volume: 3 }).status, null);
});

test("no note changes the state that it is given", () => {
	const notes = [
		{ event: "state", state: "listening" }, { event: "mute", muted: true }, { event: "volume", volume: 9 }, { event: "light", light: "muted" },
		{ event: "link", state: "refused", problem: "p", remedy: "r" }, { event: "device", device: "mic", open: false, problem: "gone" },
		{ event: "timers", rings: ["timer"] }, { event: "level", level_dbfs: -20, floor_dbfs: -60 }, { event: "talk", name: "phone", open: true },
		{ event: "say", text: "a" }, { event: "transcript", who: "model", text: "b" }, { event: "turn", turn: 1 }, { event: "end" }, { event: "speaker", speaker: "away" },
	];
	const state = frozen(here({ event: "transcript", who: "user", text: "x" }));
	for (const note of notes) assert.notEqual(reduce(state, frozen(note)), state, note.event);
});

test("notes keep the status up to date and leave alone what they do not name", () => {
	const { status } = here({ event: "volume", volume: 55 }, { event: "mute", muted: true }, { event: "light", light: "muted" }, { event: "link", v: 1, at: "now", state: "offline", problem: null, remedy: null }, { event: "device", device: "mic", open: false, problem: "gone" });
	assert.deepEqual([status.volume, status.muted, status.light, status.link.state, status.link.connects], [55, true, "muted", "offline", 3]);
	assert.deepEqual([status.devices.mic.problem, status.devices.mic.device, status.devices.speaker.open], ["gone", "hw:1", true]);
});

test("the pieces of each side of a turn are joined, though they interleave", () => {
	const { lines } = here({ event: "transcript", who: "user", text: " How" }, { event: "transcript", who: "model", text: "Fine" }, { event: "transcript", who: "user", text: " are you?" }, { event: "transcript", who: "model", text: ", thanks." });
	assert.deepEqual(lines.map(({ who, text }) => [who, text]), [["user", "How are you?"], ["model", "Fine, thanks."]]);
});

test("after a turn both sides begin new lines, with keys of their own", () => {
	const { lines, status } = here({ event: "transcript", who: "user", text: "One" }, { event: "turn", v: 1, at: "now", turn: 1, outcome: "answered" }, { event: "transcript", who: "user", text: "Two" });
	assert.deepEqual(lines.map(({ text, over }) => [text, over]), [["One", true], ["Two", false]]);
	assert.equal(new Set(lines.map(({ key }) => key)).size, 2);
	assert.deepEqual(status.turns, [{ turn: 1, outcome: "answered" }]);
});

test("what was asked in writing is a turn of the user's", () => {
	const { lines } = here({ event: "transcript", who: "user", text: "Wai" }, { event: "say", text: "What time is it?" });
	assert.deepEqual(lines.map(({ text }) => text), ["Wai", "What time is it?"]);
});

test("nothing grows without end", () => {
	let state = here();
	for (let turn = 0; turn < 500; turn++) {
		for (const note of [{ event: "transcript", who: "user", text: "a" }, { event: "level", level_dbfs: -30, floor_dbfs: -60 }, { event: "turn", turn }]) state = reduce(state, note);
	}
	assert.deepEqual([state.lines.length, state.levels.length, state.status.turns.length], [120, 75, 50]);
	assert.equal(state.status.turns.at(-1).turn, 499);
});

test("who talks on a phone comes and goes", () => {
	const one = here({ event: "talk", name: "Safari on iPhone", open: true }, { event: "talk", name: "Firefox on Android", open: true });
	assert.deepEqual(one.status.talks, ["Safari on iPhone", "Firefox on Android"]);
	assert.deepEqual(reduce(one, { event: "talk", name: "Safari on iPhone", open: false }).status.talks, ["Firefox on Android"]);
});

test("a closed microphone has no level", () => {
	const closed = { ...STATUS, devices: { mic: { open: false, level_dbfs: -50, floor_dbfs: -70 } } };
	assert.equal(after({ event: "snapshot", status: closed }).levels.length, 0);
	assert.deepEqual(here().levels, [{ level: -50, floor: -70 }]);
});

test("a speaker that goes and comes back keeps what was said", () => {
	const state = here({ event: "transcript", who: "user", text: "Hello" }, { event: "end" }, { event: "speaker", speaker: "away" });
	assert.equal(state.speaker, "away");
	assert.deepEqual([reduce(state, { event: "snapshot", status: STATUS }).speaker, state.lines.length], ["here", 1]);
});

test("a screen reader is told whole sentences, and the rest when the turn is over", () => {
	assert.deepEqual(sentences({ text: "It is late. Good ni", over: false }), ["It is late.", " Good ni"]);
	assert.deepEqual(sentences({ text: "It costs 3.5", over: false }), ["", "It costs 3.5"]);
	assert.deepEqual(sentences({ text: "“Yes!” she said", over: false }), ["“Yes!”", " she said"]);
	assert.deepEqual(sentences({ text: "おやすみ。また", over: false }), ["おやすみ。", "また"]);
	assert.deepEqual(sentences({ text: "Good night", over: true }), ["Good night", ""]);
});

test("what is wrong is told with its remedy, the gravest alone", () => {
	assert.deepEqual(troubles(here()), []);
	assert.equal(troubles(here({ event: "stream", stream: "lost" })).length, 1);
	assert.match(troubles(here({ event: "speaker", speaker: "away" }))[0].remedy, /journalctl/);
	const faults = troubles(here({ event: "device", device: "mic", open: false, problem: "gone" }, { event: "link", state: "refused", problem: "The key is refused", remedy: "Make another" }, { event: "timers", missed: ["alarm: was missed"] }));
	assert.deepEqual(faults.map(({ text, kind }) => [text, kind]), [["Microphone: gone", undefined], ["The key is refused", "bad"], ["alarm: was missed", "info"]]);
	assert.ok(faults[0].remedy && faults[1].remedy);
});

test("what was said before takes the place of the lines, and a line that is not over goes on", () => {
	const lines = [{ who: "user", text: "What time", over: false, at: "now", key: -1 }, { who: "model", text: "Noon.", over: true, at: "now", key: -2 }];
	const state = here({ event: "transcript", who: "user", text: "Old" }, { event: "said", lines }, { event: "transcript", who: "user", text: " is it?" }, { event: "say", text: "Go." });
	assert.deepEqual(state.lines.map(({ who, text }) => [who, text]), [["user", "What time is it?"], ["model", "Noon."], ["user", "Go."]]);
	assert.equal(new Set(state.lines.map(({ key }) => key)).size, 3);
});
