import assert from "node:assert/strict";
import { test } from "node:test";

import { Resampler } from "../../../daemon/web/page/static/sound/resample.js";

const RATES = [[48_000, 16_000], [44_100, 16_000], [96_000, 16_000], [16_000, 16_000], [8000, 16_000], [22_050, 16_000], [24_000, 48_000], [24_000, 44_100]];

const tone = (hz, rate, count) => Float32Array.from({ length: count }, (_, at) => 0.5 * Math.sin((2 * Math.PI * hz * at) / rate));

/** Resample in blocks of the given sizes, taken in turns. */
function resampled(from, to, input, sizes = [128]) {
	const resampler = new Resampler(from, to);
	const out = [];
	for (let at = 0, turn = 0; at < input.length; turn++) {
		const block = input.subarray(at, (at += sizes[turn % sizes.length]));
		const room = new Float32Array(Math.ceil((block.length * to) / from) + 2);
		out.push(...room.subarray(0, resampler.process(block, room)));
	}
	return out;
}

/** The amplitude of a tone in a signal, by correlation with its sine and cosine. */
function amplitude(signal, hz, rate) {
	let [sine, cosine] = [0, 0];
	signal.forEach((sample, at) => {
		sine += sample * Math.sin((2 * Math.PI * hz * at) / rate);
		cosine += sample * Math.cos((2 * Math.PI * hz * at) / rate);
	});
	return (2 * Math.hypot(sine, cosine)) / signal.length;
}

for (const [from, to] of RATES) {
	test(`${from} to ${to} Hz: a tone of speech keeps its height and its loudness`, () => {
		const out = resampled(from, to, tone(1000, from, from)).slice(1000, -1000);
		assert.ok(Math.abs(amplitude(out, 1000, to) - 0.5) < 0.005, String(amplitude(out, 1000, to)));
		const power = out.reduce((sum, sample) => sum + sample * sample, 0) / out.length;
		assert.ok(Math.abs(power - 0.125) < 0.002, `nothing else is in it: ${power}`);
	});

	test(`${from} to ${to} Hz: as many samples come out as the rates say, less half a window`, () => {
		const count = resampled(from, to, tone(440, from, from)).length;
		assert.ok(to - count >= 0 && to - count <= 20 * Math.max(1, to / from), String(to - count));
	});

	test(`${from} to ${to} Hz: any cut of the stream gives the same samples`, () => {
		const input = tone(700, from, 6000);
		assert.deepEqual(resampled(from, to, input, [1, 7, 333, 128]), resampled(from, to, input));
	});

	test(`${from} to ${to} Hz: what is said to be needed gives exactly what was wanted`, () => {
		const resampler = new Resampler(from, to);
		for (const wanted of [128, 128, 1, 500, 128]) {
			const needed = resampler.needed(wanted);
			assert.equal(resampler.process(new Float32Array(needed), new Float32Array(wanted)), wanted);
		}
	});
}

test("what 16 kHz cannot hold is gone, and does not come back as another tone", () => {
	for (const hz of [9500, 12_000, 20_000]) {
		const out = resampled(48_000, 16_000, tone(hz, 48_000, 48_000)).slice(1000, -1000);
		const loudest = out.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
		assert.ok(loudest < 0.5 * 10 ** (-45 / 20), `${hz} Hz at ${loudest}`);
	}
});

test("silence stays silence and a constant stays what it is", () => {
	assert.ok(resampled(44_100, 16_000, new Float32Array(4410)).every((sample) => sample === 0));
	const out = resampled(44_100, 16_000, new Float32Array(4410).fill(0.25)).slice(100);
	assert.ok(out.every((sample) => Math.abs(sample - 0.25) < 1e-5));
});
