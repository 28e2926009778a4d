// The sound check: the speaker listens for some seconds, which begins with a tone. Was it heard, and did the level move?

import { post } from "../api.js";
import { levelPicture } from "../charts.js";
import { h, icon, notice, say } from "../dom.js";
import { hearing } from "../sound/hearing.js";
import { View } from "../view.js";

const LISTENS_S = 6;
const NOT_HEARD = {
	text: "The tone was not heard.",
	remedy: "Turn the volume up under Now. If that is not it: `[board] speaker` in Settings, and `conure doctor --sound` on the speaker.",
	kind: "warn",
};
const HEARD = {
	clear: "It hears you clearly",
	loud: "It hears you, and too loudly",
	faint: "It hears you faintly",
	nothing: "The level did not move",
};
const REMEDIES = {
	loud: "Speak from further away, or turn the microphone down in `alsamixer`.",
	faint: "Speak from nearer, or turn the microphone up in `alsamixer`.",
	nothing: "Check the microphone's cable and switch, and `[board] mic` in Settings. If you did not speak, try again.",
};

class SoundCheck extends View {
	begin = h("button", { onclick: () => this.#check() }, "Check the sound");
	meter = levelPicture();
	result = h("div.stack", { role: "status" });
	/** @type {Level[] | null} */ levels = null;

	build() {
		this.append(h("p.small", `The speaker sounds a tone and listens for ${LISTENS_S} seconds, with its light blue: say a sentence. It goes to Gemini as all that is said does, and is not answered.`),
			this.meter.element, h("div.row", this.begin), this.trouble, this.result);
		this.meter.element.toggleAttribute("hidden", true);
		this.watch((state) => this.#hear(state));
		this.ends(() => this.levels && post("/api/stop").catch(() => {}));
	}

	#hear({ levels, status }) {
		this.begin.disabled = Boolean(this.levels) || !status;
		if (!this.levels || levels.at(-1) === this.levels.at(-1) || !levels.length) return;
		this.levels.push(levels.at(-1));
		this.meter.draw(this.levels);
	}

	async #check() {
		this.begin.disabled = true;
		this.result.replaceChildren();
		if (!(await this.attempt(post("/api/talk")))) return void (this.begin.disabled = false);
		this.levels = [];
		this.meter.element.toggleAttribute("hidden", false);
		for (let left = LISTENS_S; left > 0 && this.isConnected; left--) {
			say(this.begin, `Say a sentence: ${left} s`);
			await new Promise((resolve) => setTimeout(resolve, 1000));
		}
		const levels = this.levels;
		this.levels = null;
		await this.attempt(post("/api/stop"));
		say(this.begin, "Check again");
		this.begin.disabled = false;
		this.#tell(hearing(levels));
	}

	#tell({ level, floor, kind }) {
		const numbers = `${Math.round(level)} dBFS, ${Math.round(level - floor)} dB above the noise`;
		const asked = h("div.row", h("p.grow", "Did you hear the tone?"), h("button", { onclick: () => this.#answer(asked, true) }, "Yes"), h("button", { onclick: () => this.#answer(asked, false) }, "No"));
		const well = kind === "clear" ? h("p.tag.good", icon("check"), `${HEARD[kind]}: ${numbers}`) : notice({ text: `${HEARD[kind]}: ${numbers}.`, remedy: REMEDIES[kind], kind: "warn" });
		this.result.replaceChildren(well, asked);
	}

	#answer(asked, heard) {
		asked.replaceWith(heard ? h("p.tag.good", icon("check"), "The tone was heard") : notice(/** @type {any} */ (NOT_HEARD)));
	}
}

customElements.define("conure-sound-check", SoundCheck);

/** One for a view, with what views share. @param {Shared} shared */
export const soundCheck = (shared) => Object.assign(document.createElement("conure-sound-check"), { shared, className: "stack" });
