// Worklet: what the microphone hears, as pieces of 40 ms of 16-bit samples at 16 kHz, each with its level.

import { Resampler } from "./resample.js";

const RATE_HZ = 16_000;
const PIECE = 640; // samples: 40 ms

class Microphone extends AudioWorkletProcessor {
	constructor() {
		super();
		this.resampler = new Resampler(sampleRate, RATE_HZ);
		this.block = new Float32Array(2048);
		this.piece = new Int16Array(PIECE);
		this.filled = 0;
		this.square = 0;
	}

	/** @param {Float32Array[][]} inputs */
	process([[channel]]) {
		if (channel) {
			const count = this.resampler.process(channel, this.block);
			for (let at = 0; at < count; at++) this.#add(Math.max(-1, Math.min(1, this.block[at])));
		}
		return true;
	}

	#add(sample) {
		this.square += sample * sample;
		this.piece[this.filled++] = Math.round(sample * 32767);
		if (this.filled < PIECE) return;
		const level_dbfs = 10 * Math.log10(this.square / PIECE + 1e-10);
		this.port.postMessage({ piece: this.piece, level_dbfs }, [this.piece.buffer]);
		this.piece = new Int16Array(PIECE);
		this.filled = 0;
		this.square = 0;
	}
}

registerProcessor("microphone", Microphone);
