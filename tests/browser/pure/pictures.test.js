import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.HTMLElement = class {};
globalThis.customElements = { define() {} };
const { calendar, quantile, stretches } = await import("../../../daemon/web/page/static/charts.js");
const { render } = await import("../../../daemon/web/page/static/light.js");

const scene = (changes) => ({ name: "", looks: "", meaning: "", remedy: "", colour: [0, 0, 255], under: [0, 0, 0], layout: "all", curve: [[0, 1, 1]], ...changes });

test("a steady scene is the same for ever, on all pixels", () => {
	assert.deepEqual(render(scene({}), 12.3, 2), [[0, 0, 255], [0, 0, 255]]);
});

test("a scene breathes from one brightness to the other, softly, and again", () => {
	const breath = scene({ curve: [[1, 1, 0], [1, 0, 1]] });
	[255, 127.5, 0, 127.5, 255].forEach((blue, half) => assert.ok(Math.abs(render(breath, half / 2, 1)[0][2] - blue) <= 1));
});

test("a blink is on, off and then a pause", () => {
	const blink = scene({ colour: [255, 0, 0], curve: [[0.2, 1, 1], [0.3, 0, 0], [2, 0, 0]] });
	assert.deepEqual([0.1, 0.4, 1, 2.6].map((t_s) => render(blink, t_s, 1)[0][0]), [255, 0, 0, 255]);
});

test("a bar is as full as it is told, and what lies under never goes out", () => {
	assert.deepEqual(render(scene({ layout: "bar", under: [0, 9, 0] }), 0, 4, 0.5).map(([, green, blue]) => [green, blue]), [[9, 255], [9, 255], [9, 0], [9, 0]]);
});

test("a spot goes round in a second and a half", () => {
	const spot = scene({ layout: "spin" });
	const brightest = (t_s) => render(spot, t_s, 4).reduce((best, pixel, at, all) => (pixel[2] > all[best][2] ? at : best), 0);
	assert.deepEqual([0, 0.375, 0.75, 1.125, 1.5].map(brightest), [0, 1, 2, 3, 0]);
});

test("a turn is what was said, the wait and the answer, end to end", () => {
	const parts = stretches({ said_s: 2, end_to_first_sample_ms: 500, reply_s: 3, lasted_ms: 9000 });
	assert.deepEqual(parts.map(({ kind, from, to }) => [kind, from, to]), [["said", 0, 2000], ["wait", 2000, 2500], ["reply", 2500, 5500]]);
});

test("the end of speech is taken where it is known, and an answer ends with its turn", () => {
	const parts = stretches({ trigger_to_end_ms: 2600, said_s: 2, end_to_first_sample_ms: 500, reply_s: 30, lasted_ms: 5000 });
	assert.deepEqual(parts.map(({ to }) => to), [2600, 3100, 5000]);
});

test("a turn without an answer has none, and one without a word has nothing", () => {
	assert.deepEqual(stretches({ said_s: 1, end_to_first_sample_ms: null }).map(({ kind }) => kind), ["said"]);
	assert.deepEqual(stretches({}), []);
});

test("the median and nine of ten", () => {
	assert.equal(quantile([5, 1, 3], 0.5), 3);
	assert.equal(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9), 9);
	assert.equal(quantile([], 0.5), null);
});

test("days stand in a calendar's distances, and a day of nobody's clock has no place", () => {
	const rows = [{ day: "2026-11-27", turns: 1 }, { day: "2026-11-30", turns: 2 }, { day: "unset", turns: 9 }];
	assert.deepEqual(calendar(rows), [{ day: "2026-11-27", turns: 1 }, { day: "2026-11-28" }, { day: "2026-11-29" }, { day: "2026-11-30", turns: 2 }]);
	assert.deepEqual(calendar(rows, 2), [{ day: "2026-11-29" }, { day: "2026-11-30", turns: 2 }]);
	assert.deepEqual(calendar([]), []);
});
