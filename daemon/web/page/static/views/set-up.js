// Set-up: shown first where no speaker answers yet. What the doctor finds, in the order in which it is put right.

import { get, post } from "../api.js";
import { capital, h, icon, notice, prose, say } from "../dom.js";
import { View } from "../view.js";
import { finding } from "./health.js";

/** Each step, and the doctor's checks that tell whether it is done. */
const STEPS = {
	Board: ["Its sound card, button and lights. `conure boards` lists the boards that are known.", "configuration", "groups", "sound cards", "button", "lights"],
	"API key": ["A key for the Gemini API. `sudo scripts/install` asks for it too, and only the speaker can read it afterwards.", "API key", "key and model"],
	Network: ["The way to Gemini. Wi-Fi is set up by Raspberry Pi Imager, or by `sudo nmtui`.", "clock", "name lookup", "service reached", "TLS", "sign-in page"],
	Sound: ["A microphone and a speaker. `conure doctor` plays a tone and shows the level.", "microphone", "microphone sound", "speaker", "loopback"],
	Start: ["`sudo systemctl enable --now conure` starts the speaker, now and with the machine.", "systemd service", "last failures"],
};

class SetUp extends View {
	again = h("button.primary", { onclick: () => this.#look() }, "Look again");
	steps = h("ol.stack");
	field = h("input", { type: "password", required: true, autocomplete: "off", oninput: () => this.#offer(false) });
	keep = h("button.primary");
	told = h("div", { role: "alert" });
	form = h("form.stack", { onsubmit: (event) => this.#keep(event) }, h("label", "New key", this.field),
		h("p.small", "Google gets what is said, and may use it to improve its products if nobody pays for the key: its ", h("a", { href: "https://ai.google.dev/gemini-api/terms" }, "terms"), "."),
		h("div.row", this.keep), this.told);

	build() {
		this.append(h("section.card.stack", h("h2", "The speaker does not answer yet"), h("p", "These steps bring it to its first word."), h("div.row", this.again)), this.trouble, this.steps);
		this.#offer(false);
		this.#show([]);
		this.#look();
	}

	/** @param {boolean} anyway whether it is kept though it cannot be tested: once that was told of this key */
	#offer(anyway) {
		this.anyway = anyway;
		say(this.keep, anyway ? "Keep untested" : "Test and keep");
	}

	async #keep(event) {
		event.preventDefault();
		this.keep.disabled = true;
		const answer = await this.attempt(post("/api/key", { key: this.field.value, anyway: this.anyway }), this.told);
		this.keep.disabled = false;
		this.#offer(answer?.kind === "untested");
		if (!answer) return;
		const text = capital(answer.told);
		if (answer.kind !== "applied" && answer.kind !== "kept") return this.told.append(notice({ text, remedy: answer.remedy }));
		this.form.reset();
		this.shared.tell(text);
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
			return h("li.card.stack", h("div.row", h("h2", name), done && h("p.tag.good", icon("check"), "done"), wrong.length > 0 && h("p.tag.bad", "to do")), !done && h("p.small", ...prose(text)), h("ul.rows.findings", ...wrong.map(finding)), name === "API key" && this.form);
		}));
	}
}

customElements.define("conure-set-up", SetUp);
