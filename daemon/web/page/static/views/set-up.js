// Set-up: shown first where no speaker answers yet. What the doctor finds, in the order in which it is put right.

import { get } from "../api.js";
import { h, icon, prose } from "../dom.js";
import { View } from "../view.js";
import { finding } from "./health.js";

/** Each step, and the doctor's checks that tell whether it is done. */
const STEPS = {
	Board: ["Its sound card, button and lights. `conure boards` lists the boards that are known.", "configuration", "groups", "sound cards", "button", "lights"],
	Key: ["A key for the Gemini API. `sudo scripts/install` asks for it, and only the speaker can read it afterwards.", "API key", "key and model"],
	Network: ["The way to Gemini. Wi-Fi is set up by Raspberry Pi Imager, or by `sudo nmtui`.", "clock", "name lookup", "service reached", "TLS", "sign-in page"],
	Sound: ["A microphone and a speaker. `conure doctor` plays a tone and shows the level.", "microphone", "microphone sound", "speaker", "loopback"],
	Start: ["`sudo systemctl enable --now conure` starts the speaker, now and with the machine.", "systemd service", "last failures"],
};

class SetUp extends View {
	again = h("button.primary", { onclick: () => this.#look() }, "Look again");
	steps = h("ol.stack");

	build() {
		this.append(h("section.card.stack", h("h2", "The speaker does not answer yet"), h("p", "These steps bring it to its first word."), h("div.row", this.again)), this.trouble, this.steps);
		this.#show([]);
		this.#look();
	}

	async #look() {
		this.again.disabled = true;
		const told = await this.attempt(get("/api/doctor"));
		if (told) this.#show(told.findings);
		this.again.disabled = false;
	}

	/** @param {Finding[]} findings */
	#show(findings) {
		this.steps.replaceChildren(...Object.entries(STEPS).map(([name, [text, ...checks]]) => {
			const found = findings.filter(({ check }) => checks.includes(check));
			const wrong = found.filter(({ mark }) => mark === "wrong");
			const done = found.length > 0 && !wrong.length;
			return h("li.card.stack", h("div.row", h("h2", name), done && h("p.tag.good", icon("check"), "done"), wrong.length > 0 && h("p.tag.bad", "to do")), !done && h("p.small", ...prose(text)), h("ul.rows.findings", ...wrong.map(finding)));
		}));
	}
}

customElements.define("conure-set-up", SetUp);
