// History: how long the last turns took, one by one and all together.

import { get } from "../api.js";
import { calendar, columns, quantile, shortDay, stretches, timeline } from "../charts.js";
import { h, milliseconds, nothing } from "../dom.js";
import { View } from "../view.js";

const OUTCOMES = {
	answered: ["Answered", "good"], silent: ["Chose to say nothing", ""], cut: ["Interrupted", ""], short: ["Cut by the network", "warn"],
	cancelled: ["Cancelled", ""], failed: ["Failed", "bad"],
};
const TRIGGERS = { button: "Button", voice: "Voice", wake_word: "Wake word", command: "Page or terminal", text: "In writing" };

class History extends View {
	body = h("div.stack");
	turns = [];
	days = [];
	wanted = "";

	build() {
		this.append(this.trouble, this.body);
		this.watch(({ status }) => status?.turns && this.#take(status.turns));
		this.#read();
	}

	async #read() {
		const told = await this.attempt(get("/api/history"));
		if (told) this.#take(told.turns);
		const { days } = await get("/api/days").catch(() => ({ days: [] })); // without them the turns are enough
		this.days = calendar(days);
		this.#show();
	}

	#take(turns) {
		if (turns === this.turns) return;
		this.turns = turns;
		this.#show();
	}

	#show() {
		if (!this.turns.length) return this.body.replaceChildren(h("section.card", nothing("history", "No turn yet", "Each question and its answer appears here with its times.")));
		const shown = this.turns.filter(({ outcome }) => !this.wanted || outcome === this.wanted);
		this.body.replaceChildren(summary(this.turns), ...(firstSounds(this.turns).length ? [latency(this.turns)] : []), ...byDay(this.days), this.#list(shown));
	}

	#list(turns) {
		const kinds = [...new Set(this.turns.map(({ outcome }) => outcome).filter(Boolean))];
		const select = h("select", { "aria-label": "Which turns", onchange: () => this.#filter(select.value) },
			h("option", { value: "" }, "All turns"), ...kinds.map((kind) => h("option", { value: kind, selected: kind === this.wanted }, OUTCOMES[kind]?.[0] ?? kind)));
		const longest_ms = Math.max(1, ...turns.flatMap((turn) => stretches(turn).map(({ to }) => to)));
		return h("section.card.stack",
			h("div.row", h("h2", "Turn by turn"), h("div.narrow", select), h("button", { onclick: () => save(this.turns) }, "Download as CSV")),
			h("p.legend.small", { "aria-hidden": "true" }, ...Object.entries({ said: "you speak", wait: "it prepares", reply: "it answers", sent: "first sent" }).map(([kind, words]) => h("span", h("i", { class: kind }), words))),
			h("ol.rows.turns", ...[...turns].reverse().map((turn) => row(turn, longest_ms))));
	}

	#filter(wanted) {
		this.wanted = wanted;
		this.#show();
		this.querySelector("select")?.focus();
	}
}

const firstSounds = (turns) => turns.map((turn) => turn.end_to_first_sample_ms).filter((ms) => ms != null);

function summary(turns) {
	const sounds = firstSounds(turns);
	const opened = turns.filter((turn) => turn.connect_hidden != null);
	const tiles = {
		"First sound, median": milliseconds(quantile(sounds, 0.5)),
		"Nine of ten within": milliseconds(quantile(sounds, 0.9)),
		Answered: `${turns.filter(({ outcome }) => outcome === "answered").length} of ${turns.length}`,
		"Connected while you spoke": opened.length ? `${opened.filter((turn) => turn.connect_hidden).length} of ${opened.length}` : "Was connected",
	};
	return h("dl.tiles", ...Object.entries(tiles).map(([name, value]) => h("div.card", h("dt", name), h("dd.number", value))));
}

function latency(turns) {
	const middle = quantile(firstSounds(turns), 0.5);
	const picture = columns(turns.map(({ turn, end_to_first_sample_ms: value }) => ({ value, label: `Turn ${turn}: ${milliseconds(value)}` })),
		`First sound after the end of speech, over ${turns.length} turns; median ${milliseconds(middle)}`, middle);
	return h("figure.card.stack", h("figcaption", h("h2", "From your last word to its first sound"), h("p.small", "One column for each turn, the newest at the right; the line is the median.")), picture);
}

/** Of the days that had turns, how long their users waited. */
function byDay(days) {
	const known = days.filter(({ median_ms }) => median_ms != null);
	if (known.length < 2) return [];
	const longest = milliseconds(Math.max(...known.map(({ median_ms }) => median_ms)));
	const given = days.map(({ day, median_ms, p90_ms, turns }) => ({ value: median_ms ?? null, label: median_ms == null ? `${shortDay(day)}: no turn` : `${shortDay(day)}: half within ${milliseconds(median_ms)}, nine of ten within ${milliseconds(p90_ms)}, ${turns} turns` }));
	const name = `First sound by day, from ${shortDay(days[0].day)} to ${shortDay(days[days.length - 1].day)}: half of the turns within ${known.map(({ median_ms }) => milliseconds(median_ms)).join(", ")}`;
	return [h("figure.card.stack", h("figcaption", h("h2", "Day by day"), h("p.small", `Half of a day's turns sounded within this time; ${longest} at most.`)), columns(given, name), h("p.row.small.ends", h("span.grow", shortDay(days[0].day)), shortDay(days[days.length - 1].day)))];
}

function row(turn, longest_ms) {
	const [words, kind] = OUTCOMES[turn.outcome] ?? ["Under way", ""];
	return h("li",
		h("div.row", h("span.number.small", `#${turn.turn}`), h("span.grow.small", TRIGGERS[turn.trigger] ?? turn.trigger), h("span.number", milliseconds(turn.end_to_first_sample_ms)), h("span", { class: `tag ${kind}` }, words)),
		timeline(turn, longest_ms));
}

function save(turns) {
	const names = Object.keys(turns[0]);
	const lines = [names, ...turns.map((turn) => names.map((name) => String(turn[name] ?? "")))];
	const address = URL.createObjectURL(new Blob([lines.map((line) => line.join(",")).join("\r\n")], { type: "text/csv" }));
	h("a", { href: address, download: "conure-turns.csv" }).click();
	setTimeout(() => URL.revokeObjectURL(address), 1000);
}

customElements.define("conure-history", History);
