// Health: what the doctor finds, what was used, and which browsers may in.

import { get, post, remove } from "../api.js";
import { fact, h, icon, nothing, prose, say } from "../dom.js";
import { View } from "../view.js";

const MARKS = { fine: ["check", "fine"], wrong: ["warn", "at fault"], skipped: ["info", "not looked at"] };

class Health extends View {
	findings = h("div.stack", { "aria-live": "polite" }, nothing("health", "Not examined yet", "The doctor looks at settings, key, sound, network and service. It takes some seconds and changes nothing."));
	examine = h("button.primary", { onclick: () => this.#examine() }, "Examine");
	usage = h("dl");
	devices = h("ul.rows.devices");
	code = h("div", { role: "status" });
	about = h("dl");

	build() {
		const card = (heading, act, ...content) => h("section.card.stack", h("div.row", h("h2", heading), act), ...content);
		this.append(
			card("Doctor", this.examine, this.findings),
			card("Usage", null, this.usage),
			card("Paired browsers", h("button", { onclick: () => this.#pair() }, "Pair another"), this.trouble, this.code, this.devices),
			card("Running", null, this.about, h("p.small", "To end your browser's warning, install the speaker's certificate: ", h("a", { href: "/conure.mobileconfig" }, "Apple"), ", ", h("a", { href: "/conure.crt" }, "others"))));
		this.watch(({ status }) => status && this.#running(status));
		this.attempt(get("/api/usage"), this.usage).then((told) => told && this.usage.append(...usage(told.usage)));
		this.#paired();
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

	async #pair() {
		const told = await this.attempt(post("/api/pair/new"));
		if (told) this.code.replaceChildren(h("div.waiting", h("img", { src: told.qr, alt: "A picture of the address, for a phone's camera", class: "qr" }), h("p.pin", told.code), h("p.small", `Scan it, or enter the code at ${location.origin} in the other browser, within ${Math.round(told.ends_in_s / 60)} minutes. It is good once.`)));
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

function when({ paired_at_s, seen_at_s, ends_at_s }) {
	const day = (at_s) => new Date(at_s * 1000).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
	const parts = [paired_at_s && `paired ${day(paired_at_s)}`, seen_at_s && `last seen ${day(seen_at_s)}`, ends_at_s && `a guest until ${day(ends_at_s)}`];
	return parts.filter(Boolean).join(" · ");
}

customElements.define("conure-health", Health);
