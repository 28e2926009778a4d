import assert from "node:assert/strict";
import { test } from "node:test";

import { Jitter } from "../../../daemon/web/page/static/sound/jitter.js";

const RATE = 1000; // a sample a millisecond, so that counts are times

const speech = (count, value = 16_384) => new Int16Array(count).fill(value);
const block = new Float32Array(10);

/** Pull blocks of 10 ms until one is silent; returns how many samples were of the reply. */
function played(jitter, most = 1000) {
	let sum = 0;
	for (let count; sum < most && (count = jitter.pull(block)) > 0; ) sum += count;
	return sum;
}

test("it waits for 80 ms before it begins", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(1, speech(79));
	assert.equal(jitter.pull(block), 0);
	assert.ok(block.every((sample) => sample === 0));
	jitter.push(1, speech(1));
	assert.equal(jitter.pull(block), 10);
	assert.ok(block.every((sample) => sample === 0.5));
});

test("a short reply is played though it never fills 80 ms", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(1, speech(30));
	jitter.finish(1);
	assert.equal(played(jitter), 30);
	assert.equal(jitter.gaps, 0);
});

test("after a gap it waits for 200 ms, and counts the gap", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(1, speech(80));
	assert.equal(played(jitter), 80);
	assert.equal(jitter.gaps, 1);
	jitter.push(1, speech(199));
	assert.equal(jitter.pull(block), 0);
	jitter.push(1, speech(1));
	assert.equal(played(jitter), 200);
});

test("a new turn begins with 80 ms again", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(1, speech(80));
	played(jitter);
	jitter.push(2, speech(80));
	assert.equal(jitter.pull(block), 10);
});

test("an interruption leaves a fade of 5 ms, and drops what still comes of that turn", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(7, speech(300));
	jitter.pull(block);
	jitter.interrupt(7);
	assert.equal(jitter.pull(block), 5);
	const faded = [...block];
	assert.deepEqual(faded, [...faded].sort((a, b) => b - a));
	assert.equal(faded[5], 0);
	jitter.push(7, speech(100));
	assert.equal(jitter.pull(block), 0);
	assert.equal(jitter.dropped_cut, 100);
	jitter.push(8, speech(80));
	assert.equal(jitter.pull(block), 10);
});

test("an interruption of an older turn leaves the newer one alone", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(8, speech(100));
	jitter.interrupt(7);
	assert.equal(played(jitter, 100), 100);
});

test("what was not being played is gone without a fade", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(1, speech(50));
	jitter.interrupt(1);
	assert.equal(played(jitter), 0);
});

test("it holds no more than it was made for; the newest is dropped and counted", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.push(1, speech(900, 8192));
	jitter.push(1, speech(200));
	assert.equal(jitter.waiting_ms, 1000);
	assert.equal(jitter.dropped, 100);
	jitter.pull(block);
	assert.equal(block[0], 0.25);
});

test("samples keep their order over the end of the ring", () => {
	const jitter = new Jitter(RATE, 1);
	let pushed = 0;
	let heard = 0;
	const rising = (count) => Int16Array.from({ length: count }, () => pushed++);
	jitter.push(1, rising(500));
	for (let round = 0; round < 30; round++) {
		jitter.push(1, rising(100));
		for (let pull = 0; pull < 10; pull++) {
			jitter.pull(block);
			for (const sample of block) assert.equal(Math.round(sample * 32768), heard++);
		}
	}
});

test("turns go on after 65535", () => {
	const jitter = new Jitter(RATE, 1);
	jitter.interrupt(0xffff);
	jitter.push(0, speech(80));
	assert.equal(jitter.pull(block), 10);
});
