// Set-up: shown first where no speaker answers yet. What the doctor finds, in the order in which it is put right.

import { get } from "../api.js";
import { h, icon, prose, say } from "../dom.js";
import { keyForm } from "../key-form.js";
import { View } from "../view.js";
import { finding } from "./health.js";
import { soundCheck } from "./sound-check.js";

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
	sound = h("div");
	name = h("div.stack");
	form = keyForm(this);
	done = false;
	heading = h("h2");
	text = h("p");
	on = h("a", { href: "#now", class: "button" }, "Go on to Now");

	build() {
		this.append(h("section.card.stack", this.heading, this.text, h("div.row", this.again, this.on)), this.trouble, this.steps);
		this.#show([]);
		this.watch((state) => this.#follow(state));
		this.#look();
		this.#name();
	}

	/** Once the speaker answers, its sound can be tried. */
	#follow({ speaker, status }) {
		const here = speaker === "here" && Boolean(status);
		say(this.heading, here ? "The speaker answers" : "The speaker does not answer yet");
		say(this.text, here ? "Try its sound, and you are done." : "These steps bring it to its first word.");
		this.again.hidden = here;
		this.on.hidden = !here;
		if (here && !this.done) this.sound.replaceChildren(soundCheck(this.shared));
		this.done = here;
	}

	async #name() {
		const told = await get("/api/name").catch(() => null);
		if (told) this.name.replaceChildren(...nameRow(told));
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
			return h("li.card.stack", h("div.row", h("h2", name), done && h("p.tag.good", icon("check"), "done"), wrong.length > 0 && h("p.tag.bad", "to do")), !done && h("p.small", ...prose(text)), h("ul.rows.findings", ...wrong.map(finding)), name === "API key" && this.form, name === "Sound" && this.sound, name === "Network" && this.name);
		}));
	}
}

const LEADS = {
	here: ["good", "leads here"],
	elsewhere: ["bad", "leads to another device"],
	nowhere: ["warn", "is not found by the speaker itself"],
};
const NAME_REMEDIES = {
	elsewhere: "Two devices have this name: give this one another with `sudo hostnamectl hostname NAME`, or set `[web] name` in its file.",
	nowhere: "Your browser may find it all the same. If not, `sudo apt install avahi-daemon`, or use an address below.",
};

/** What the speaker is called, and whether that name leads to it. */
function nameRow({ name, leads, addresses }) {
	const [kind, words] = LEADS[leads];
	return [h("div.row", h("p", "Its name: ", h("code", name)), h("p", { class: `tag ${kind}` }, words)),
		NAME_REMEDIES[leads] && h("p.small", ...prose(NAME_REMEDIES[leads])), h("p.small", "Its addresses: ", addresses.join(", "))].filter(Boolean);
}

customElements.define("conure-set-up", SetUp);
