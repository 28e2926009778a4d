import assert from "node:assert/strict";
import { test } from "node:test";

import { LONGEST_SIDE, PACE_MS, Pace, fitted } from "../../../daemon/web/page/static/camera.js";

test("the longer side becomes as long as the model looks, and small pictures stay", () => {
	assert.deepEqual(fitted(1280, 720), { width: LONGEST_SIDE, height: 432 });
	assert.deepEqual(fitted(1080, 1920), { width: 432, height: LONGEST_SIDE });
	assert.deepEqual(fitted(320, 240), { width: 320, height: 240 });
});

test("a picture leaves at once when the talk begins to listen, and then one a second", () => {
	const pace = new Pace();
	assert.equal(pace.wait_ms("listening", 5000), 0);
	pace.last_ms = 5000;
	assert.equal(pace.wait_ms("listening", 5400), PACE_MS - 400);
	assert.equal(pace.wait_ms("listening", 7000), 0);
});

test("no picture leaves while it does not listen", () => {
	for (const phase of ["off", "connecting", "ready", "thinking", "speaking"]) assert.equal(new Pace().wait_ms(phase, 0), null);
});
