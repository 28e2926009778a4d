// The form for an API key, in Set-up and in Settings: tested by the gateway, kept by its helper, never shown again.

import { post } from "./api.js";
import { capital, h, notice, say } from "./dom.js";

/** @param {import("./view.js").View} view whose `attempt` and `shared` it uses */
export function keyForm(view) {
	const field = h("input", { type: "password", required: true, autocomplete: "off", oninput: () => offer(false) });
	const keep = h("button.primary");
	const told = h("div", { role: "alert" });
	let anyway = false;
	/** Whether it is kept though it cannot be tested: once that was told of this key. */
	const offer = (untested) => {
		anyway = untested;
		say(keep, untested ? "Keep untested" : "Test and keep");
	};
	const submit = async (event) => {
		event.preventDefault();
		keep.disabled = true;
		const answer = await view.attempt(post("/api/key", { key: field.value, anyway }), told);
		keep.disabled = false;
		offer(answer?.kind === "untested");
		if (!answer) return;
		const text = capital(answer.told);
		if (answer.kind !== "applied" && answer.kind !== "kept") return told.append(notice({ text, remedy: answer.remedy }));
		form.reset();
		view.shared.tell(text);
	};
	const form = h("form.stack", { onsubmit: submit }, h("label", "New key", field),
		h("p.small", "Google gets what is said, and may use it to improve its products if nobody pays for the key: its ", h("a", { href: "https://ai.google.dev/gemini-api/terms" }, "terms"), "."),
		h("div.row", keep), told);
	offer(false);
	return form;
}
