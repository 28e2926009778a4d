// Changes the rate of a stream of samples, by a windowed sinc with one set of weights for each phase. Pure.

const TAPS = 32; // per phase, at the lower of the two rates
const BETA = 6; // Kaiser window: 63 dB of attenuation (Kaiser 1974)
const PASS = 0.92; // the corner, as a share of the lower rate's half: the slope ends where aliases begin
const MAX_PHASES = 640; // 11025 → 16000 Hz needs as many; odder pairs are rounded to the nearest phase

/** Takes blocks of any length; samples come out half a window later. */
export class Resampler {
	/** @param {number} from rate of what comes in, in Hz @param {number} to of what goes out */
	constructor(from, to) {
		const divisor = gcd(from, to);
		this.up = to / divisor;
		this.down = from / divisor;
		this.same = from === to;
		const width = Math.max(1, from / to);
		this.taps = 2 * Math.ceil((TAPS * width) / 2);
		this.phases = Math.min(this.up, MAX_PHASES);
		this.weights = Array.from({ length: this.phases }, (_, phase) => weights(this.taps, phase / this.phases, PASS / width));
		this.held = new Float32Array(4 * this.taps);
		this.filled = this.taps / 2; // silence before the first sample, which so stands in the window's middle
		this.phase = 0; // of the next sample to come out, in units of 1 / up of a sample that came in
	}

	/** How many samples must come in so that `count` more can go out. @param {number} count */
	needed(count) {
		if (this.same) return count;
		const last = Math.floor((this.phase + (count - 1) * this.down) / this.up);
		return Math.max(0, last + this.taps - this.filled);
	}

	/**
	 * @param {Float32Array} input
	 * @param {Float32Array} output takes what can go out, up to its length; the rest waits
	 * @returns {number} how many went out
	 */
	process(input, output) {
		if (this.same) {
			output.set(input);
			return input.length;
		}
		this.#hold(input);
		let at = 0;
		let count = 0;
		while (count < output.length && at + this.taps <= this.filled) {
			output[count++] = this.#weighed(at);
			this.phase += this.down;
			at += Math.floor(this.phase / this.up);
			this.phase %= this.up;
		}
		this.held.copyWithin(0, at, this.filled);
		this.filled -= at;
		return count;
	}

	#hold(input) {
		if (this.filled + input.length > this.held.length) {
			const larger = new Float32Array(2 * (this.filled + input.length));
			larger.set(this.held);
			this.held = larger;
		}
		this.held.set(input, this.filled);
		this.filled += input.length;
	}

	#weighed(at) {
		const row = this.weights[Math.floor((this.phase * this.phases) / this.up)];
		let sum = 0;
		for (let tap = 0; tap < this.taps; tap++) sum += row[tap] * this.held[at + tap];
		return sum;
	}
}

/**
 * One phase of the filter; its sum is 1, so that a constant stays what it is.
 * @param {number} taps
 * @param {number} shift 0 to 1 samples
 * @param {number} corner as a share of half the rate of what comes in
 */
function weights(taps, shift, corner) {
	const row = new Float32Array(taps);
	for (let tap = 0; tap < taps; tap++) {
		const away = tap - taps / 2 - shift;
		row[tap] = sinc(away * corner) * kaiser(away / (taps / 2));
	}
	const sum = row.reduce((total, weight) => total + weight, 0);
	return row.map((weight) => weight / sum);
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kaiser = (x) => (Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA));

/**
 * The modified Bessel function of order 0, by its series.
 * @param {number} x
 */
function bessel(x) {
	let sum = 1;
	for (let term = 1, k = 1; term > 1e-9 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
	return sum;
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);
