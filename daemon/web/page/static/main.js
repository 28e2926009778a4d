// The frame of the page: who this browser is, the navigation, the view that is shown, and what needs attention.

import { get } from "./api.js";
import { capital, fault, follow, h, icon, notice } from "./dom.js";
import { Live, Store } from "./live.js";
import { troubles } from "./reducer.js";
import "./views/now.js";

/** With the right that each needs. */
const VIEWS = { "set-up": "page", now: "page", talk: "talk", timers: "page", history: "page", settings: "page", health: "page" };
const ALONE = ["talk", "health"]; // what a gateway without a speaker has

const TOLD_MS = 6000;
const SETTING_UP_MS = 3000; // who has seen Set-up for longer goes on with it when the speaker answers

/** @param {string} selector @returns {HTMLElement} */
const find = (selector) => /** @type {any} */ (document.querySelector(selector));

class Page {
	store = new Store();
	main = find("main");
	notices = h("div.notices", { role: "alert" });
	place = h("div.place");
	/** @type {Shared["me"]} */ me;
	shown = "";
	shown_ms = 0;

	/** What this browser may see now: set-up until a speaker has answered and its user goes on, and without a speaker nothing that is its. */
	get views() {
		const { speaker, status } = this.store.state;
		const away = speaker === "unknown" ? !this.me.speaker : speaker === "away" && !status;
		const sets_up = away || (this.shown === "set-up" && performance.now() - this.shown_ms > SETTING_UP_MS);
		return Object.keys(VIEWS).filter((name) => this.me.rights.includes(VIEWS[name]) && (speaker === "none" ? ALONE.includes(name) : name !== "set-up" || sets_up));
	}

	async begin() {
		try {
			this.me = await get("/api/me");
			await (this.views.length ? this.enter() : this.welcome());
		} catch (error) {
			this.fail(error);
		}
	}

	/** Before a browser is paired there is nothing but the way in. */
	async welcome() {
		await import("./views/welcome.js");
		document.body.classList.remove("inside");
		document.title = "Pair with Conure";
		const view = document.createElement("conure-welcome");
		view.addEventListener("paired", () => location.replace(location.pathname));
		this.main.replaceChildren(view);
	}

	async enter() {
		const whole = this.me.rights.includes("page");
		const { lights } = await get("/api/lights");
		this.shared = { store: this.store, me: this.me, lights: new Map(lights.map((scene) => [scene.name, scene])), tell: this.tell };
		document.body.classList.add("inside");
		this.main.replaceChildren(this.place);
		addEventListener("hashchange", () => this.route());
		find(".skip").addEventListener("click", (event) => this.skip(event));
		if (whole) new Live(this.store, () => this.welcome()).start();
		await this.route();
		this.store.watch((state) => this.attend(state));
	}

	async route() {
		const name = this.views.find((view) => view === location.hash.slice(1)) ?? this.views[0];
		if (name !== this.shown) this.shown_ms = performance.now();
		this.shown = name;
		this.point();
		try {
			await import(`./views/${name}.js`);
		} catch {
			return this.place.replaceChildren(notice({ text: "This part of the page could not be loaded.", remedy: "Load the page again." }));
		}
		const moved = this.place.childElementCount > 0;
		const heading = h("h1", { tabindex: "-1" }, capital(name));
		this.place.replaceChildren(heading, this.notices, Object.assign(document.createElement(`conure-${name}`), { shared: this.shared }));
		document.title = `${capital(name)} · Conure`;
		scrollTo(0, 0);
		if (moved) heading.focus({ preventScroll: true });
	}

	/** The navigation, with the view that is shown. */
	point() {
		follow(find("nav"), this.views, String, (name) => h("a", { href: `#${name}` }, icon(name), h("span", capital(name))), (link, name) => link.setAttribute("aria-current", String(name === this.shown && "page")));
	}

	/** The address names the view, so this link goes by hand. @param {Event} event */
	skip(event) {
		event.preventDefault();
		find("h1").focus();
	}

	/** @param {State} state */
	attend(state) {
		this.point();
		if (!this.views.includes(this.shown)) this.route();
		follow(this.notices, troubles(state), ({ text, remedy }) => `${text} ${remedy}`, notice);
	}

	/** @param {string} text */
	tell(text) {
		const told = h("p", text);
		find(".told").append(told);
		setTimeout(() => told.remove(), TOLD_MS);
	}

	/** @param {any} error */
	fail(error) {
		this.main.replaceChildren(h("div.welcome", h("h1", "Conure"), fault(error), h("button.primary", { onclick: () => location.reload() }, "Try again")));
	}
}

new Page().begin();
