import assert from "node:assert/strict";
import { test } from "node:test";

import { KEPT_MESSAGES, KEPT_S, Waiting } from "../../../daemon/web/page/static/sound/waiting.js";

const piece = (value) => new Int16Array(640).fill(value);

test("what was said and done comes in its order, with sound joined to frames that the gateway takes", () => {
	const waiting = new Waiting();
	waiting.say({ type: "press" });
	for (let at = 0; at < 8; at++) waiting.hear(piece(at));
	waiting.say({ type: "release" });
	waiting.hear(piece(9));
	const [press, first, second, release, last, ...rest] = waiting.take();
	assert.deepEqual([press, release, rest], [{ type: "press" }, { type: "release" }, []]);
	assert.deepEqual([first.length, second.length, last.length], [6 * 640, 2 * 640, 640]);
	assert.ok(first.byteLength <= 8192);
	assert.deepEqual([first[0], first[640], second[0], last[0]], [0, 1, 6, 9]);
});

test("nothing is taken twice", () => {
	const waiting = new Waiting();
	waiting.hear(piece(1));
	assert.equal(waiting.take().length, 1);
	assert.deepEqual(waiting.take(), []);
});

test("ten seconds are kept: the oldest sound goes, and the messages stay", () => {
	const waiting = new Waiting();
	waiting.say({ type: "press" });
	for (let at = 0; at < 25 * KEPT_S + 3; at++) waiting.hear(piece(at));
	const [press, first, ...rest] = waiting.take();
	assert.deepEqual([press, first[0], waiting.dropped], [{ type: "press" }, 3, 3]);
	assert.equal([first, ...rest].reduce((sum, { length }) => sum + length, 0), 16_000 * KEPT_S);
});

test("of too many messages the newest are dropped and counted", () => {
	const waiting = new Waiting();
	for (let at = 0; at <= KEPT_MESSAGES; at++) waiting.say({ at });
	assert.equal(waiting.dropped, 1);
	assert.deepEqual(waiting.take().at(-1), { at: KEPT_MESSAGES - 1 });
});
