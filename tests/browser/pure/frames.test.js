import assert from "node:assert/strict";
import { test } from "node:test";

import { JPEG, PCM, isNewer, pack, samplesOf, unpack } from "../../../daemon/web/page/static/sound/frames.js";

test("a frame is kind, zero, turn with its low byte first, and the payload", () => {
	assert.deepEqual([...pack(PCM, 0x1234, new Uint8Array([7, 8]))], [1, 0, 0x34, 0x12, 7, 8]);
});

test("a packed frame comes back as it was, also from the middle of a buffer", () => {
	const payload = new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4);
	const frame = unpack(pack(JPEG, 70_000, payload).buffer);
	assert.deepEqual([frame.kind, frame.turn, [...frame.payload]], [JPEG, 70_000 & 0xffff, [1, 2, 3]]);
});

test("what is shorter than its head is no frame", () => {
	assert.equal(unpack(new ArrayBuffer(3)), null);
	assert.equal(unpack(new ArrayBuffer(4)).payload.length, 0);
});

test("samples are little endian and signed, and half a sample is left out", () => {
	assert.deepEqual([...samplesOf(new Uint8Array([0x01, 0x00, 0xff, 0xff, 0x00, 0x80, 9]))], [1, -1, -32768]);
});

test("a turn is newer by its distance, also over the end of 16 bits", () => {
	for (const [a, b] of [[1, 0], [5, 4], [0, 0xffff], [3, 0xfff0], [0x7fff, 0]]) {
		assert.ok(isNewer(a, b), `${a} after ${b}`);
		assert.ok(!isNewer(b, a), `${b} not after ${a}`);
	}
	assert.ok(!isNewer(4, 4));
});
