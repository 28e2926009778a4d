// What all views are made of: a custom element with what is shared, a place for trouble, and an end.

import { fault, follow, h, icon, nothing, say } from "./dom.js";
import { sentences } from "./reducer.js";

export class View extends HTMLElement {
	/** @type {Shared} */ shared;
	trouble = h("div.stack.wide", { role: "alert" });
	#ends = [];

	connectedCallback() {
		this.build();
	}

	disconnectedCallback() {
		for (const end of this.#ends) end();
	}

	build() {} // fills the element; each view has its own

	/** @param {() => void} end called when the view goes */
	ends(end) {
		this.#ends.push(end);
	}

	/** @param {(state: State) => void} show called now and at each change, as long as the view is there */
	watch(show) {
		this.ends(this.shared.store.watch(show));
	}

	/**
	 * @param {Promise<any>} asked @param {Element} [place] for trouble
	 * @returns {Promise<any>} its answer; null where it failed, which is then shown
	 */
	async attempt(asked, place = this.trouble) {
		try {
			const told = (await asked) ?? {};
			place.replaceChildren();
			return told;
		} catch (error) {
			place.replaceChildren(fault(error));
			return null;
		}
	}
}

/** What was said, and a field to go on in writing; `heading` and `text` stand there while nothing was said. */
export function conversation({ heading, text, label, write }) {
	const empty = nothing("talk", heading, text);
	const log = h("div.log", { role: "log", "aria-label": "What is said", tabindex: "0", hidden: true });
	const field = h("input", { maxlength: "4000", autocomplete: "off", placeholder: "Ask in writing", "aria-label": label });
	const send = h("button.primary.round", { "aria-label": "Send" }, icon("send"));
	const submit = (event) => {
		event.preventDefault();
		if (field.value.trim()) write(field.value.trim());
		field.value = "";
		field.focus();
	};
	return {
		element: h("section.conversation.card", h("h2", "Conversation"), empty, log, h("form.say", { onsubmit: submit }, field, send)),
		enable(enabled) {
			field.disabled = send.disabled = !enabled;
		},
		show(lines) {
			const below = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
			log.hidden = !lines.length;
			empty.hidden = lines.length > 0;
			follow(log, lines, (line) => line.key, newLine, showLine);
			if (below) log.scrollTop = log.scrollHeight;
		},
	};
}

/** @param {Line} line */
const newLine = ({ who }) => h("p", { class: `line ${who}`, dir: "auto" }, h("span.apart", who === "user" ? "You: " : "Conure: "), h("span"), h("span", { "aria-hidden": "true" }));

/** What has no end yet is hidden from screen readers: they read sentences. */
const showLine = (element, line) => sentences(line).forEach((text, at) => say(element.children[at + 1], text));
