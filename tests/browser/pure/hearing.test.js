import assert from "node:assert/strict";
import { test } from "node:test";

import { hearing } from "../../../daemon/web/page/static/sound/hearing.js";

const levels = (...loud) => loud.map((level) => ({ level, floor: -60 }));

test("the loudest level against the lowest floor tells how well somebody is heard", () => {
	assert.deepEqual(hearing(levels(-58, -30, -40)), { level: -30, floor: -60, kind: "clear" });
	assert.equal(hearing(levels(-50)).kind, "faint");
	assert.equal(hearing(levels(-58)).kind, "nothing");
	assert.equal(hearing(levels(-0.5)).kind, "loud");
});

test("without a level nothing was heard", () => {
	assert.equal(hearing([]).kind, "nothing");
});
