// The frame of the page: who this browser is, the navigation, the view that is shown, and what needs attention.

import { get } from "./api.js";
import { fault, follow, h, icon, notice } from "./dom.js";
import { Live, Store } from "./live.js";
import { troubles } from "./reducer.js";
import "./views/now.js";

const VIEWS = [
  { name: "now", title: "Now", right: "page" },
  { name: "talk", title: "Talk", right: "talk" },
  { name: "timers", title: "Timers", right: "page" },
  { name: "history", title: "History", right: "page" },
  { name: "settings", title: "Settings", right: "page" },
  { name: "health", title: "Health", right: "page" },
];

const TOLD_MS = 6000;

class Page {
  constructor() {
    this.store = new Store();
    this.main = /** @type {HTMLElement} */ (document.querySelector("main"));
    this.nav = /** @type {HTMLElement} */ (document.querySelector("nav"));
    this.notices = h("div", { class: "notices", role: "alert" });
    this.told = /** @type {HTMLElement} */ (document.querySelector(".told"));
    this.place = h("div", { class: "place" });
  }

  async begin() {
    try {
      const me = await get("/api/me");
      if (VIEWS.some(({ right }) => me.rights.includes(right))) await this.enter(me);
      else await this.welcome();
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

  /** @param {Shared["me"]} me */
  async enter(me) {
    const lights = me.rights.includes("page") ? await get("/api/lights").catch(() => null) : null;
    const scenes = lights?.lights ?? lights ?? [];
    this.shared = { store: this.store, me, lights: new Map(scenes.map((/** @type {any} */ scene) => [scene.name, scene])), tell: this.tell.bind(this) };
    this.views = VIEWS.filter(({ right }) => me.rights.includes(right));
    document.body.classList.add("inside");
    this.nav.replaceChildren(...this.views.map(link));
    this.main.replaceChildren(this.notices, this.place);
    addEventListener("hashchange", () => this.route());
    document.querySelector(".skip")?.addEventListener("click", (event) => this.skip(event));
    if (me.rights.includes("page")) new Live(this.store, () => this.welcome()).start();
    this.store.watch((state) => this.attend(state));
    await this.route();
  }

  async route() {
    const views = this.views ?? [];
    const { name, title } = views.find((view) => view.name === location.hash.slice(1)) ?? views[0];
    for (const entry of this.nav.children) entry.toggleAttribute("aria-current", entry.getAttribute("href") === `#${name}`);
    document.title = `${title} · Conure`;
    try {
      await import(`./views/${name}.js`);
    } catch {
      return this.place.replaceChildren(notice({ text: `The part of the page for ${title} could not be loaded.`, remedy: "Load the page again." }));
    }
    const moved = this.place.childElementCount > 0;
    const view = Object.assign(document.createElement(`conure-${name}`), { shared: this.shared });
    const heading = h("h1", { tabindex: "-1" }, title);
    this.place.replaceChildren(heading, view);
    scrollTo(0, 0);
    if (moved) heading.focus({ preventScroll: true });
  }

  /** The address names the view, so this link goes by hand. @param {Event} event */
  skip(event) {
    event.preventDefault();
    /** @type {HTMLElement | null} */ (this.place.querySelector("h1"))?.focus();
  }

  /** @param {State} state */
  attend(state) {
    document.body.dataset.link = state.stream === "live" && state.speaker !== "away" ? "live" : state.stream;
    follow(this.notices, troubles(state), ({ text, remedy }) => `${text} ${remedy}`, notice);
  }

  /** @param {string} text @param {string} [kind] */
  tell(text, kind = "info") {
    const told = h("p", { class: kind }, text);
    this.told.append(told);
    setTimeout(() => told.remove(), TOLD_MS);
  }

  /** @param {any} error */
  fail(error) {
    const again = h("button", { class: "primary", onclick: () => location.reload() }, "Try again");
    this.main.replaceChildren(h("div", { class: "welcome" }, h("h1", {}, "Conure"), fault(error), again));
  }
}

/** @param {{name: string, title: string}} view */
const link = ({ name, title }) => h("a", { href: `#${name}` }, icon(name), h("span", {}, title));

new Page().begin();
