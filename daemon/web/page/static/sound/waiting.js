// What the user says and does before the talk can take it: kept in order, and bounded. Pure.

const PIECE_HZ = 25; // the microphone gives pieces of 40 ms
const FRAME_PIECES = 6; // in one frame of at most 8,192 bytes: 240 ms

/** Holds so many seconds of sound, as the gateway does; policy beyond: the oldest goes, and is counted. */
export const KEPT_S = 10;
/** And so many messages beside them; policy beyond: the newest are dropped, and counted. */
export const KEPT_MESSAGES = 32;

export class Waiting {
	/** @type {(Int16Array | object)[]} */ #items = [];
	#pieces = 0;
	#messages = 0;
	dropped = 0;

	/** @param {Int16Array} piece */
	hear(piece) {
		this.#items.push(piece);
		this.#pieces += 1;
		if (this.#pieces <= KEPT_S * PIECE_HZ) return;
		this.#items.splice(this.#items.findIndex(isSound), 1);
		this.#pieces -= 1;
		this.dropped += 1;
	}

	/** @param {object} message */
	say(message) {
		if (this.#messages >= KEPT_MESSAGES) return void (this.dropped += 1);
		this.#items.push(message);
		this.#messages += 1;
	}

	/** All that waits, in its order; pieces that follow each other are joined to frames. It is empty afterwards. */
	take() {
		/** @type {(Int16Array | object)[]} */
		const taken = [];
		let pieces = [];
		const end_frame = () => {
			if (pieces.length) taken.push(joined(pieces));
			pieces = [];
		};
		for (const item of this.#items) {
			if (!isSound(item) || pieces.length === FRAME_PIECES) end_frame();
			if (isSound(item)) pieces.push(item);
			else taken.push(item);
		}
		end_frame();
		this.#items = [];
		this.#pieces = this.#messages = 0;
		return taken;
	}
}

/** @returns {item is Int16Array} */
const isSound = (item) => item instanceof Int16Array;

/** @param {Int16Array[]} pieces */
function joined(pieces) {
	const whole = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		whole.set(piece, at);
		at += piece.length;
	}
	return whole;
}
