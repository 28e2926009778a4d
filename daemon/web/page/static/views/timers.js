// Timers: what rings, what waits with the nearest first, what is over; and three short forms for new ones.

import { get, post, remove } from "../api.js";
import { capital, clock, follow, h, icon, nothing, say } from "../dom.js";
import { View } from "../view.js";

const PRESETS = [1, 5, 10, 30]; // minutes
const COUNTDOWN_S = 24 * 3600;

class Timers extends View {
	list = h("ul.rows.timers");
	empty = nothing("timers", "Nothing is waiting", "Say “set a timer”, or start one here.");
	past = h("ul.past");
	over = h("section.card", { hidden: true }, h("h2", "Over"), this.past);
	/** @type {Timer[]} */ timers = [];
	read_ms = 0;
	known = "";

	build() {
		this.append(this.trouble, h("section.card", this.empty, this.list), this.#forms(), this.over);
		const ticking = setInterval(() => this.#tick(), 500);
		this.ends(() => clearInterval(ticking));
		this.watch(({ status }) => this.#changed(status?.timers));
	}

	/** The speaker's summary changes whenever one of them does: then the list is fetched. */
	#changed(summary) {
		const now = JSON.stringify([summary?.waiting, summary?.rings, summary?.missed]);
		if (now !== this.known) this.#read();
		this.known = now;
	}

	async #read() {
		const told = await this.attempt(get("/api/timers"));
		if (!told) return;
		this.timers = [...told.ringing, ...told.waiting];
		this.read_ms = Date.now();
		this.empty.hidden = this.timers.length > 0;
		follow(this.list, this.timers, ({ id, words }) => `${id} ${!words}`, (timer) => this.#row(timer), (row, { title, words }) => say(row.querySelector(".small"), capital(words?.replace(/: [^:]* left, /, ": ") ?? title)));
		this.over.hidden = !told.past.length;
		follow(this.past, told.past, ({ words }) => words, ({ words }) => h("li", capital(words)));
		this.#tick();
	}

	/** @param {Timer} timer */
	#row({ id, kind, name, words }) {
		const rings = !words;
		const acts = rings
			? [h("button.primary", { onclick: () => this.#do(post("/api/silence")) }, "Silence"), h("button", { onclick: () => this.#do(post(`/api/timers/${id}/snooze`)) }, "Snooze")]
			: [h("button.round", { "aria-label": `Cancel ${name || kind}`, onclick: () => this.#do(remove(`/api/timers/${id}`)) }, icon("close"))];
		return h("li", { class: rings && "rings" }, icon(kind === "timer" ? "timers" : "bell"), h("div.grow", h("p.left.number"), h("p.small")), ...acts);
	}

	#tick() {
		const past_s = (Date.now() - this.read_ms) / 1000;
		this.timers.forEach(({ left_s, words, name, kind }, at) => {
			const rest_s = left_s == null ? Infinity : left_s - past_s;
			say(this.list.children[at].querySelector(".left"), !words ? "Rings now" : rest_s <= COUNTDOWN_S ? clock(rest_s) : capital(name || kind));
		});
		if (past_s > 2 && this.timers.some(({ left_s }) => left_s != null && left_s < past_s)) this.#read();
	}

	#forms() {
		const duration = h("input", { name: "duration", required: true, placeholder: "10m, 90s or 1h30m", autocomplete: "off" });
		const presets = PRESETS.map((minutes) => h("button", { type: "button", onclick: () => (duration.value = `${minutes}m`) }, `${minutes} min`));
		return h("div.forms",
			this.#form("Timer", "Start", { action: "add" }, h("label", "For how long", duration), h("div.row.presets", ...presets), field("name", "Name (optional)", "pasta")),
			this.#form("Alarm", "Set", { action: "alarm", day: "" }, h("label", "At", h("input", { name: "at", type: "time", required: true })), field("weekdays", "Repeat (optional)", "weekdays, daily, mon tue"), field("name", "Name (optional)", "get up")),
			this.#form("Reminder", "Remind", { action: "remind" }, h("label", "When", h("input", { name: "at", type: "datetime-local", required: true })), field("text", "Of what", "water the plants", true)));
	}

	#form(name, verb, fixed, ...fields) {
		const form = h("form.card.stack", { onsubmit: (event) => {
			event.preventDefault();
			const given = Object.fromEntries(new FormData(form));
			if (given.at) given.at = String(given.at).replace("T", " ");
			this.#do(post("/api/timers", { ...fixed, ...given }), form);
		} }, h("h2", name), ...fields, h("button.primary", verb));
		return form;
	}

	/** @param {Promise<any>} asked @param {HTMLFormElement} [form] emptied if it went well */
	async #do(asked, form) {
		const told = await this.attempt(asked);
		if (!told) return;
		form?.reset();
		if (told.said) this.shared.tell(told.said);
		await this.#read();
	}
}

const field = (name, label, placeholder, required = false) => h("label", label, h("input", { name, placeholder, required, maxlength: "200", autocomplete: "off" }));

customElements.define("conure-timers", Timers);
