// Worklet: plays the reply, 24 kHz, at whatever rate the loudspeaker has, and tells when it begins and ends.

import { Jitter } from "./jitter.js";
import { Resampler } from "./resample.js";

class Playback extends AudioWorkletProcessor {
	constructor() {
		super();
		this.jitter = new Jitter();
		this.resampler = new Resampler(this.jitter.rate, sampleRate);
		this.source = new Float32Array(1024);
		this.sounding = false;
		this.port.onmessage = ({ data }) => this.#take(data);
	}

	#take({ act, turn, samples }) {
		if (act === "push" && samples) this.jitter.push(turn, samples);
		else if (act === "finish") this.jitter.finish(turn);
		else this.jitter.interrupt(turn);
	}

	/**
	 * @param {Float32Array[][]} _inputs
	 * @param {Float32Array[][]} outputs
	 */
	process(_inputs, [[channel]]) {
		const source = this.source.subarray(0, this.resampler.needed(channel.length));
		const played = this.jitter.pull(source);
		this.resampler.process(source, channel);
		if (played > 0 !== this.sounding) this.#tell(played > 0);
		return true;
	}

	#tell(sounding) {
		this.sounding = sounding;
		const { turn, gaps, dropped, waiting_ms } = this.jitter;
		this.port.postMessage({ sounding, turn, gaps, dropped, waiting_ms });
	}
}

registerProcessor("playback", Playback);
