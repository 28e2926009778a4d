// What happens at the speaker, as it happens: one event stream for all tabs of this browser, kept by the tab in front.

import { get } from "./api.js";
import { START, reduce } from "./reducer.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

/** The present state, and who wants to know when it changes: at most once for each picture on the screen. */
export class Store {
	/** @type {State} */ state = START;
	/** @type {Set<(state: State) => void>} */ #watchers = new Set();
	#due = false;

	take(note) {
		this.put(reduce(this.state, note));
	}

	put(state) {
		if (state === this.state) return;
		this.state = state;
		if (this.#due) return;
		this.#due = true;
		requestAnimationFrame(() => {
			this.#due = false;
			for (const watcher of this.#watchers) watcher(this.state);
		});
	}

	/** @param {(state: State) => void} watcher called now, and after each change, until what is returned is called */
	watch(watcher) {
		this.#watchers.add(watcher);
		watcher(this.state);
		return () => this.#watchers.delete(watcher);
	}
}

/**
 * Feed a store for as long as the page is there. The tab that is visible and got the lock holds the stream and hands
 * each note on; a hidden tab holds none, for a browser has only six connections to one host.
 */
export class Live {
	channel = new BroadcastChannel("conure");
	/** @type {EventSource | null} */ source = null;
	/** @type {AbortController | null} */ queue = null;
	wait_ms = FIRST_WAIT_MS;
	timer = 0;

	/** @param {Store} store @param {() => void} refused called when this browser may not listen */
	constructor(store, refused) {
		this.store = store;
		this.refused = refused;
	}

	start() {
		this.channel.addEventListener("message", ({ data }) => this.#hear(data));
		document.addEventListener("visibilitychange", () => this.#look());
		addEventListener("pagehide", () => this.#leave());
		addEventListener("pageshow", () => this.#look());
		this.#look();
	}

	#look() {
		if (document.visibilityState === "hidden") this.#leave();
		else if (!this.queue) this.#join();
	}

	#join() {
		this.queue = new AbortController();
		if (!navigator.locks) return this.#open();
		this.channel.postMessage({ asks: true });
		const held = navigator.locks.request("conure-events", { signal: this.queue.signal }, () => this.#hold());
		held.catch(() => {}); // left the queue before it was its turn
	}

	/** Hold the lock, and with it the stream, until this tab is hidden. */
	#hold() {
		this.#open();
		return new Promise((resolve) => this.queue?.signal.addEventListener("abort", resolve));
	}

	#leave() {
		this.queue?.abort();
		this.queue = null;
		this.#close();
	}

	#close() {
		clearTimeout(this.timer);
		this.source?.close();
		this.source = null;
	}

	#open() {
		if (!this.queue || this.queue.signal.aborted) return;
		this.#close();
		const source = (this.source = new EventSource("/api/events"));
		for (const kind of ["snapshot", "note", "speaker"]) {
			source.addEventListener(kind, (event) => this.#take({ event: kind, ...JSON.parse(/** @type {MessageEvent} */ (event).data) }));
		}
		source.onopen = () => (this.wait_ms = FIRST_WAIT_MS);
		source.onerror = () => this.#retry();
	}

	#take(note) {
		this.store.take(note);
		this.channel.postMessage({ note });
	}

	/** An event source does not tell why it failed, so the gateway is asked. */
	#retry() {
		this.#close();
		this.#take({ event: "stream", stream: "lost" });
		this.timer = setTimeout(() => this.#again(), this.wait_ms);
		this.wait_ms = Math.min(2 * this.wait_ms, LONGEST_WAIT_MS);
	}

	async #again() {
		const me = await get("/api/me").catch(() => null);
		if (me && !me.rights.includes("page")) this.refused();
		else this.#open();
	}

	#hear({ asks, note, state }) {
		if (asks && this.source) this.channel.postMessage({ state: this.store.state });
		else if (document.visibilityState === "hidden" || this.source) return;
		else if (note) this.store.take(note);
		else if (state) this.store.put(state);
	}
}
