// Health: what the doctor finds, what was used, and which browsers may in.

import { get, post, remove } from "../api.js";
import { calendar, columns, shortDay } from "../charts.js";
import { capital, fact, h, icon, nothing, notice, prose, say } from "../dom.js";
import { View } from "../view.js";
import { soundCheck } from "./sound-check.js";

const MARKS = { fine: ["check", "fine"], wrong: ["warn", "at fault"], skipped: ["info", "not looked at"] };

class Health extends View {
	findings = h("div.stack", { "aria-live": "polite" }, nothing("health", "Not examined yet", "The doctor looks at settings, key, sound, network and service. It takes some seconds and changes nothing."));
	examine = h("button.primary", { onclick: () => this.#examine() }, "Examine");
	usage = h("dl");
	days = h("div.stack");
	log = h("div.stack", { role: "status" });
	restarted = h("div", { role: "alert" });
	restart = h("button", { onclick: () => this.#restart() }, "Restart");
	devices = h("ul.rows.devices");
	code = h("div", { role: "status" });
	about = h("dl");

	build() {
		const card = (heading, act, ...content) => h("section.card.stack", h("div.row", h("h2", heading), act), ...content);
		this.append(
			card("Doctor", this.examine, this.findings),
			card("Sound", null, soundCheck(this.shared)),
			card("Usage", null, this.usage, this.days),
			card("Paired browsers", h("div.row", h("button", { onclick: () => this.#pair(true) }, "Pair a guest"), h("button", { onclick: () => this.#pair(false) }, "Pair another")), this.trouble, this.code, this.devices),
			card("Newest log lines", h("button", { onclick: () => this.#read() }, "Show"), this.log),
			card("Running", this.restart, this.restarted, this.about, h("p.small", "To end your browser's warning, install the speaker's certificate: ", h("a", { href: "/conure.mobileconfig" }, "Apple"), ", ", h("a", { href: "/conure.crt" }, "others"))));
		this.watch(({ status }) => status && this.#running(status));
		this.attempt(get("/api/usage"), this.usage).then((told) => told && this.usage.append(...usage(told.usage)));
		get("/api/days").then(({ days }) => this.days.append(...usageByDay(days)), () => {}); // today's numbers tell the fault
		this.#paired();
	}

	async #read() {
		const told = await this.attempt(get("/api/log"), this.log);
		if (told) this.log.append(told.lines.length ? h("ol.rows.lines", ...told.lines.toReversed().map(line)) : h("p.small", "There is none yet."));
	}

	async #restart() {
		if (!confirm("The speaker starts anew, which takes some seconds. What it says now is cut short. Restart it?")) return;
		this.restart.disabled = true;
		say(this.restart, "Restarting …");
		const answer = await this.attempt(post("/api/restart"), this.restarted);
		this.restart.disabled = false;
		say(this.restart, "Restart");
		if (answer?.kind === "applied") this.shared.tell(capital(answer.told));
		else if (answer) this.restarted.append(notice({ text: capital(answer.told) }));
	}

	async #examine() {
		this.examine.disabled = true;
		say(this.examine, "Examining …");
		const told = await this.attempt(get("/api/doctor"), this.findings);
		if (told) this.findings.append(sum(told.findings), h("ul.rows.findings", ...told.findings.map(finding)));
		this.examine.disabled = false;
		say(this.examine, "Examine again");
	}

	async #paired() {
		const told = await this.attempt(get("/api/devices"));
		this.devices.replaceChildren(...(told?.devices ?? []).map((device) => this.#device(device)));
	}

	#device(device) {
		const revoke = h("button.danger", { "aria-label": `Revoke ${device.name}`, onclick: () => this.#revoke(device) }, "Revoke");
		return h("li.row", h("div.grow", h("p", device.name, device.this && h("span.tag.good", "this browser")), h("p.small", when(device))), revoke);
	}

	/** @param {Device} device */
	async #revoke({ id, name, this: own }) {
		if (!confirm(`${own ? "This browser" : name} will have to be paired again. Revoke it?`)) return;
		if (!(await this.attempt(remove(`/api/devices/${id}`)))) return;
		if (own) location.reload();
		else await this.#paired();
	}

	/** @param {boolean} guest */
	async #pair(guest) {
		const told = await this.attempt(post("/api/pair/new", { guest }));
		if (told) this.code.replaceChildren(h("div.waiting", h("img", { src: told.qr, alt: "A picture of the address, for a phone's camera", class: "qr" }), h("p.pin", told.code), h("p.small", `Scan it, or enter the code at ${location.origin} in the other browser, within ${Math.round(told.ends_in_s / 60)} minutes. It is good once. ${guest ? "A guest may talk, and nothing else, for a day." : "It lets in for all that you may."}`)));
	}

	/** @param {any} status */
	#running({ version, board, model, up_s, devices }) {
		const rows = [
			["Version", version], ["Board", board], ["Model", model], ["Up", up_s < 3600 ? `${Math.floor(up_s / 60)} min` : `${Math.floor(up_s / 86_400)} d ${Math.floor(up_s / 3600) % 24} h`],
			["Microphone", devices?.mic?.device], ["Speaker", devices?.speaker?.device],
		];
		this.about.replaceChildren(...rows.filter(([, value]) => value).map(fact));
	}
}

function sum(findings) {
	const faults = findings.filter(({ mark }) => mark === "wrong").length;
	return faults ? h("p.tag.bad", `${faults} ${faults === 1 ? "fault" : "faults"} found`) : h("p.tag.good", icon("check"), "No fault was found");
}

export function finding({ check, mark, found, remedy }) {
	const [picture, word] = MARKS[mark];
	return h("li", { class: mark }, icon(picture), h("div", h("p", h("strong", check), h("span.apart", `, ${word}`)), h("p.small", ...prose(found)), remedy && h("p.small.ink", "→ ", ...prose(remedy))));
}

function usage({ today, this_month, budget }) {
	const words = ({ sent_s, received_s, prompt_tokens, response_tokens }) => `${((sent_s + received_s) / 60).toFixed(1)} min, ${(prompt_tokens + response_tokens).toLocaleString("en")} tokens`;
	return [["Today", words(today)], ["This month", words(this_month)], ["Budget", budget ?? "None set"]].map(fact);
}

/** How long it listened and spoke on each of the last days. */
function usageByDay(days) {
	const shown = calendar(days);
	if (shown.length < 2) return [];
	const minutes = ({ sent_s = 0, received_s = 0 }) => (sent_s + received_s) / 60;
	const given = shown.map((one) => ({ value: minutes(one) || null, label: `${shortDay(one.day)}: ${minutes(one).toFixed(1)} min` }));
	const most = Math.max(...shown.map(minutes));
	return [h("p.small", `Minutes of sound on each day; ${most.toFixed(1)} at most`), columns(given, `Minutes of sound on each day from ${shortDay(shown[0].day)} to ${shortDay(shown[shown.length - 1].day)}, ${most.toFixed(1)} at most`),
		h("p.row.small.ends", h("span.grow", shortDay(shown[0].day)), shortDay(shown[shown.length - 1].day))];
}

function line({ at_s, level, text }) {
	const at = new Date(at_s * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
	return h("li", h("p.small.number", at, " ", level !== "info" && h("span", { class: `tag ${level === "warning" ? "warn" : "bad"}` }, level)), h("p", text));
}

function when({ paired_at_s, seen_at_s, ends_at_s }) {
	const day = (at_s) => new Date(at_s * 1000).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
	const parts = [paired_at_s && `paired ${day(paired_at_s)}`, seen_at_s && `last seen ${day(seen_at_s)}`, ends_at_s && `a guest until ${day(ends_at_s)}`];
	return parts.filter(Boolean).join(" · ");
}

customElements.define("conure-health", Health);
