// Now: the light and what it means, what is said, the loudness, and the buttons of the speaker.

import { post } from "../api.js";
import { levelPicture } from "../charts.js";
import { capital, fact, follow, h, icon, prose, say } from "../dom.js";
import { ConureLight } from "../light.js";
import { View, conversation } from "../view.js";

const LINKS = {
	offline: "Not needed now",
	connecting: "Connecting",
	online: "Connected",
	rotating: "Changing over",
	backing_off: "Waiting to try again",
	refused: "Refused",
};
const STEP = 5; // percent: it is just heard

class Now extends View {
	light = new ConureLight();
	name = h("p.light-name");
	meaning = h("p");
	remedy = h("p.remedy");
	talk = this.#button("Talk", "talk", "/api/talk", "primary");
	stop = this.#button("Stop", "stop", "/api/stop");
	muteWord = h("span");
	mute = h("button.big", { onclick: () => this.#do("/api/mute", { muted: !this.muted }) }, icon("mute"), this.muteWord);
	bell = h("div.bell", { hidden: true });
	words = conversation({
		heading: "Nothing has been said yet",
		text: "What you and the speaker say appears here as it is said, and is kept on no disk.",
		label: "Ask in writing; it answers aloud",
		write: (text) => this.#do("/api/say", { text }),
	});
	meter = levelPicture();
	heard = h("p.small.number");
	percent = h("output");
	slider = h("input", { type: "range", min: "0", max: "100", "aria-label": "Volume in percent", onchange: () => this.#do("/api/volume", { percent: Number(this.slider.value) }), oninput: () => this.#showVolume(Number(this.slider.value)) });
	list = h("dl");
	muted = false;
	shown = "";

	build() {
		const step = (sign, change, name) => h("button.round", { "aria-label": name, onclick: () => this.#do("/api/volume", { change }) }, sign);
		this.append(
			h("section.hero.card", this.light, h("div.words", { "aria-live": "polite" }, this.name, this.meaning, this.remedy),
				this.bell, h("div.buttons", this.talk, this.stop, this.mute)),
			this.words.element,
			h("section.sound.card.stack",
				h("div", h("div.row", h("h2", "Volume"), this.percent), h("div.row.slider", step("−", -STEP, "Softer"), this.slider, step("+", STEP, "Louder"))),
				h("div", h("div.row", h("h2", "Microphone"), this.heard), this.meter.element)),
			h("section.facts.card", this.list));
		this.watch((state) => this.#show(state));
	}

	#button(text, picture, path, kind = "") {
		return h("button", { class: `big ${kind}`, onclick: () => this.#do(path) }, icon(picture), text);
	}

	#show(state) {
		const here = state.stream === "live" && state.speaker === "here";
		const status = state.status ?? {};
		this.muted = Boolean(status.muted);
		this.#showLight(state, status, here);
		this.talk.disabled = !here || this.muted;
		this.stop.disabled = this.mute.disabled = !here;
		this.mute.setAttribute("aria-pressed", String(this.muted));
		say(this.muteWord, this.muted ? "Unmute" : "Mute");
		this.#showBell(status.timers?.rings ?? []);
		this.words.show(state.lines);
		this.words.enable(here);
		this.#showVolume(status.volume ?? null);
		this.meter.draw(state.levels);
		say(this.heard, heard(status.devices?.mic, state.levels.at(-1), this.muted));
		follow(this.list, facts(state), ([name]) => name, fact, (row, [, value]) => say(row.lastChild, value));
	}

	#showLight(state, status, here) {
		const scene = (here && this.shared.lights.get(status.light)) || null;
		this.light.show(scene, scene?.layout === "bar" ? status.volume / 100 : 1);
		const words = here ? scene ?? { name: status.light ?? "", meaning: "", remedy: "" } : away(state);
		say(this.name, capital(words.name));
		say(this.meaning, words.meaning);
		if (words.remedy !== this.shown) this.remedy.replaceChildren(...prose((this.shown = words.remedy) === "—" ? "" : words.remedy));
	}

	#showBell(rings) {
		if (this.bell.dataset.rings === rings.join()) return;
		this.bell.dataset.rings = rings.join();
		this.bell.hidden = !rings.length;
		this.bell.replaceChildren(icon("bell"), h("span.grow", `${capital(rings.join(", "))} rings`), h("button.primary", { onclick: () => this.#do("/api/silence") }, "Silence"));
	}

	#showVolume(percent) {
		this.slider.disabled = percent === null;
		say(this.percent, percent === null ? "–" : `${percent} %`);
		if (percent === null) return;
		if (!this.slider.matches(":active")) this.slider.value = percent;
		this.slider.style.setProperty("--share", `${this.slider.value}%`);
	}

	async #do(path, body) {
		try {
			await post(path, body);
		} catch ({ message, remedy }) {
			this.shared.tell([message, remedy].filter(Boolean).join(" "));
		}
	}
}

function away({ stream, speaker }) {
	if (stream === "opening" || speaker === "unknown") return { name: "connecting", meaning: "Asking the speaker how it is.", remedy: "" };
	if (speaker === "none") return { name: "no speaker here", meaning: "This gateway has no speaker beside it.", remedy: "Talk with this device instead." };
	return { name: "out of reach", meaning: "What the light shows is not known.", remedy: "" };
}

function heard(mic, last, muted) {
	if (!mic?.open) return !mic ? "–" : muted ? "closed: muted" : "closed";
	return last ? `${Math.round(last.level)} dBFS, floor ${Math.round(last.floor)}` : "open";
}

function facts({ status }) {
	if (!status) return [];
	const { talks, timers } = status;
	return [
		["Conversation", capital(status.state.replace("_", "-"))],
		["Gemini", LINKS[status.link?.state] ?? "–"],
		["Timers and alarms", timers?.waiting ? `${timers.waiting} waiting` : "None"],
		["On a phone", talks?.length ? talks.join(", ") : "Nobody"],
	];
}

customElements.define("conure-now", Now);
