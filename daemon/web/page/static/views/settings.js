// Settings: every key with what it means and where its value comes from; changes are checked all at once.

import { get, post } from "../api.js";
import { h, notice, prose } from "../dom.js";
import { keyForm } from "../key-form.js";
import { View } from "../view.js";

class Settings extends View {
	search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search", oninput: () => this.#filter() });
	tables = h("div.card.tables");
	key = h("details.card.table", h("summary", h("h2", "API key"), h("span.small", "change it")), h("div.inside-table.stack", keyForm(this)));
	count = h("p.grow");
	apply = h("button.primary", { onclick: () => this.#send("/api/settings") }, "Apply");
	bar = h("section.savebar.card.row", { hidden: true }, this.count,
		h("button", { onclick: () => this.#undo() }, "Undo"), h("button", { onclick: () => this.#send("/api/settings/check") }, "Check"), this.apply);
	/** @type {Key[]} */ keys = [];
	/** @type {Map<string, any>} */ changes = new Map();
	version = "";

	build() {
		this.append(this.search, this.trouble, this.tables, this.key, this.bar);
		this.#read();
	}

	async #read() {
		const told = await this.attempt(get("/api/settings"));
		if (!told) return;
		this.keys = told.settings;
		this.version = told.version;
		this.apply.hidden = this.key.hidden = told.writable === false;
		this.#show();
		if (this.apply.hidden) this.trouble.append(notice({ text: "Settings are read and checked here, and changed in their file.", remedy: `Change \`${told.file}\`, then \`sudo systemctl restart conure\`.`, kind: "info" }));
	}

	#show() {
		const tables = [...new Set(this.keys.map(({ table }) => table))];
		this.tables.replaceChildren(...tables.map((table) => this.#table(table, this.keys.filter((key) => key.table === table))));
	}

	#table(table, keys) {
		const given = keys.filter(({ source }) => source !== "default").length;
		return h("details.table",
			h("summary", h("h2", table.replaceAll("_", " ")), h("span.small", `${keys.length} ${keys.length === 1 ? "key" : "keys"}${given ? `, ${given} set` : ""}`)),
			...keys.map((key) => this.#key(key)));
	}

	#key(key) {
		const name = `${key.table}.${key.key}`;
		return h("div.key", { "data-words": `${name} ${key.doc}`.toLowerCase() },
			h("div.grow", h("label", { for: name }, h("code", key.key)), h("p.small", { id: `${name}-doc` }, ...prose(key.doc)), h("p.small", facts(key)), h("p.wrong.small", { id: `${name}-wrong`, hidden: true })),
			this.#control(key, name));
	}

	#control(key, name) {
		const about = { id: name, "aria-describedby": `${name}-doc`, disabled: !key.web };
		const changed = (value) => this.#change(key, name, value);
		if (typeof key.default === "boolean") return h("input", { ...about, type: "checkbox", checked: key.value, onchange: ({ target }) => changed(target.checked) });
		const written = { ...about, onchange: ({ target }) => changed(parsed(key, target.value)) };
		if (key.choices) return h("select", written, ...key.choices.map((choice) => h("option", { value: choice, selected: choice === key.value }, choice || "–")));
		const range = typeof key.default === "number" ? { type: "number", step: "any", min: String(key.low ?? ""), max: String(key.high ?? "") } : { type: "text" };
		return h("input", { ...written, ...range, value: shown(key.value), autocomplete: "off" });
	}

	#change(key, name, value) {
		if (JSON.stringify(value) === JSON.stringify(key.value)) this.changes.delete(name);
		else this.changes.set(name, value);
		this.#mark([]);
	}

	#undo() {
		this.changes.clear();
		this.#show();
		this.#filter();
		this.#mark([]);
	}

	/** @param {string} path */
	async #send(path) {
		const told = await this.attempt(post(path, { changes: Object.fromEntries(this.changes), version: this.version }));
		if (!told) return;
		this.#mark(told.problems ?? []);
		if (told.problems?.length) return;
		if (path.endsWith("check")) return this.shared.tell("These changes are all right.");
		this.shared.tell(told.told);
		if (told.kind !== "applied" && told.kind !== "kept") return;
		this.changes.clear();
		this.#mark([]);
		await this.#read();
	}

	/** Show each mistake at its key, and all of them at the top. @param {{keys: string[], text: string}[]} problems */
	#mark(problems) {
		const count = this.changes.size;
		this.bar.hidden = !count;
		this.count.textContent = `${count} ${count === 1 ? "change" : "changes"}`;
		this.trouble.replaceChildren(...problems.map(notice));
		for (const line of this.querySelectorAll(".wrong")) Object.assign(line, { hidden: true });
		for (const { keys, text } of problems) for (const name of keys ?? []) Object.assign(document.getElementById(`${name}-wrong`) ?? {}, { hidden: false, textContent: text });
	}

	#filter() {
		const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
		for (const table of this.tables.querySelectorAll("details")) {
			const keys = /** @type {HTMLElement[]} */ ([...table.querySelectorAll(".key")]);
			for (const key of keys) key.hidden = !words.every((word) => key.dataset.words?.includes(word));
			table.hidden = keys.every((key) => key.hidden);
			table.open = words.length > 0;
		}
	}
}

function facts({ source, low, high, web, ...key }) {
	const range = typeof key.default === "number" && low != null && high != null && `${low} to ${high}`;
	const usual = source !== "default" && `default ${shown(key.default) || "empty"}`;
	return [`by ${source}`, usual, range, !web && "in the file only"].filter(Boolean).join(" · ");
}

const shown = (value) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

function parsed(key, text) {
	if (typeof key.default === "number") return text.trim() === "" ? text : Number(text);
	if (!Array.isArray(key.default)) return text;
	const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
	return parts.some((part) => Number.isNaN(Number(part))) ? parts : parts.map(Number);
}

customElements.define("conure-settings", Settings);
