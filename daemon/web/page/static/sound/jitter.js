// The reply on its way to the loudspeaker: one bounded ring that evens out how its pieces come. Pure.

import { isNewer } from "./frames.js";

const START_MS = 80;
const AFTER_GAP_MS = 200;
const FADE_MS = 5;

/** Holds 16-bit samples of one rate. Policy where it is full: the newest are dropped, and counted. */
export class Jitter {
	/** Holds so many seconds, for a reply comes several times faster than it is played. */
	constructor(rate = 24_000, seconds = 120) {
		this.rate = rate;
		this.ring = new Int16Array(rate * seconds);
		this.start = 0;
		this.length = 0;
		this.turn = -1;
		this.cut = -1;
		this.playing = false;
		this.whole = false;
		this.wanted = this.#samples(START_MS);
		this.fade = 0;
		this.gaps = 0;
		this.dropped = 0;
		this.dropped_cut = 0;
	}

	get waiting_ms() {
		return Math.round((1000 * this.length) / this.rate);
	}

	/** @param {number} turn @param {Int16Array} samples */
	push(turn, samples) {
		if (this.cut >= 0 && !isNewer(turn, this.cut)) {
			this.dropped_cut += samples.length;
			return;
		}
		if (turn !== this.turn) this.#begin(turn);
		const room = Math.min(samples.length, this.ring.length - this.length);
		this.dropped += samples.length - room;
		for (let at = 0; at < room; at++) this.ring[(this.start + this.length + at) % this.ring.length] = samples[at];
		this.length += room;
	}

	/** No more comes of this turn: what is there is played, however little it is. @param {number} turn */
	finish(turn) {
		if (turn === this.turn) this.whole = true;
	}

	/** The user spoke: what waits is thrown away but for a fade, and what still comes of this turn. @param {number} turn */
	interrupt(turn) {
		this.cut = turn;
		if (isNewer(this.turn, turn)) return;
		this.fade = this.playing ? Math.min(this.length, this.#samples(FADE_MS)) : 0;
		this.length = this.fade;
		this.whole = true;
	}

	/**
	 * Fill `out` with samples from -1 to 1, and with silence where there is nothing to play.
	 * @param {Float32Array} out
	 * @returns {number} how many are of the reply
	 */
	pull(out) {
		out.fill(0);
		if (!this.#may_play()) return 0;
		const count = Math.min(out.length, this.length);
		for (let at = 0; at < count; at++) out[at] = (this.ring[(this.start + at) % this.ring.length] / 32768) * this.#gain();
		this.start = (this.start + count) % this.ring.length;
		this.length -= count;
		if (count < out.length) this.#run_dry();
		return count;
	}

	#may_play() {
		if (!this.playing) this.playing = this.length > 0 && (this.whole || this.length >= this.wanted);
		return this.playing;
	}

	#run_dry() {
		this.playing = false;
		if (this.whole) return;
		this.gaps += 1;
		this.wanted = this.#samples(AFTER_GAP_MS);
	}

	#gain() {
		return this.fade ? --this.fade / this.#samples(FADE_MS) : 1;
	}

	#begin(turn) {
		this.turn = turn;
		this.whole = false;
		if (!this.playing) this.wanted = this.#samples(START_MS);
	}

	#samples(ms) {
		return (this.rate * ms) / 1000;
	}
}
