// The way in, before this browser is paired: a code, or a press of the speaker's button.

import { post } from "../api.js";
import { h, icon, notice, prose } from "../dom.js";
import { View } from "../view.js";

const SIGNS = 8;
const PRESS_S = 30;

class Welcome extends View {
	field = h("input", {
		name: "code", autocomplete: "one-time-code", autocapitalize: "characters", spellcheck: "false", maxlength: "12",
		placeholder: "ABCD-EFGH", "aria-describedby": "how", class: "code", oninput: () => this.#typed(),
	});
	waiting = h("div.waiting", { role: "status", hidden: true });
	form = h("form.card.stack", { onsubmit: (event) => this.#enter(event) },
		h("label", "Pairing code", this.field),
		h("p", { id: "how", class: "small" }, ...prose("On the speaker, `conure web pair` shows one, and a picture for a phone's camera. A paired browser makes one in Health.")),
		h("button.primary.big", "Pair this browser"));

	build() {
		this.append(h("div.welcome",
			h("img", { src: "/page/icon.svg", alt: "", width: "64", height: "64" }), h("h1", "Meet your speaker"),
			h("p.lead", "See what it hears, set it up, and talk with it from any room. Pair this browser once."),
			this.trouble, this.form,
			h("div.card.stack", h("h2", "No terminal at hand?"), h("p.small", "Go to the speaker: while its light pulses, a press of its button lets this browser in."), this.waiting,
				h("button.big", { onclick: () => this.#press() }, icon("set-up"), "Pair by the button"))));
		this.#readLink();
	}

	/** A link or a QR code carries the code behind the #, which is sent to nobody; it does not stay in the address. */
	#readLink() {
		const code = location.hash.match(/^#pair=([\w-]+)$/)?.[1];
		if (!code) return;
		history.replaceState(null, "", location.pathname);
		this.field.value = code;
		this.#typed();
		this.form.requestSubmit();
	}

	#typed() {
		const signs = this.field.value.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, SIGNS);
		this.field.value = signs.length > SIGNS / 2 ? `${signs.slice(0, SIGNS / 2)}-${signs.slice(SIGNS / 2)}` : signs;
	}

	#enter(event) {
		event.preventDefault();
		if (this.field.value.length > SIGNS) return this.#ask(post("/api/pair", { code: this.field.value }));
		this.trouble.replaceChildren(notice({ text: `A code has ${SIGNS} letters and digits.`, remedy: "Look at the speaker's terminal again." }));
		this.field.focus();
	}

	async #press() {
		const number = 10 + Math.floor(Math.random() * 90);
		const left = h("span.number", String(PRESS_S));
		const ticking = setInterval(() => (left.textContent = String(Math.max(0, Number(left.textContent) - 1))), 1000);
		this.waiting.replaceChildren(h("p.pin", String(number)), h("p", "Press the speaker's button now: ", left, " s left."), h("p.small", "The journal on the speaker shows this number."));
		this.waiting.hidden = false;
		await this.#ask(post("/api/pair/press", { number }));
		clearInterval(ticking);
		this.waiting.hidden = true;
	}

	/** @param {Promise<any>} asked */
	async #ask(asked) {
		const buttons = this.querySelectorAll("button");
		for (const button of buttons) button.disabled = true;
		if (await this.attempt(asked)) this.dispatchEvent(new Event("paired"));
		for (const button of buttons) button.disabled = false;
	}
}

customElements.define("conure-welcome", Welcome);
