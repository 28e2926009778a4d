// Pictures of numbers, as SVG made by calls. Each has its numbers in words beside it or in its label.

import { milliseconds, svg } from "./dom.js";

const LOWEST_DBFS = -90;
const COLUMNS = 75;

/** A picture that is stretched to the place it gets. */
const stretched = (kind, width, height, about, ...parts) => svg(`svg.${kind}`, { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", ...about }, ...parts);

/** The microphone's level over the last seconds against the noise floor: what stands above the line is heard. */
export function levelPicture() {
	const [width, height] = [300, 56];
	const step = width / COLUMNS;
	const level = svg("path.level");
	const floor = svg("path.floor");
	const up = (dbfs) => Math.min(1, Math.max(0.02, 1 - dbfs / LOWEST_DBFS)) * height;
	return {
		element: stretched("meter", width, height, { "aria-hidden": "true" }, level, floor),
		/** @param {Level[]} levels */
		draw(levels) {
			const x = (at) => ((COLUMNS - levels.length + at) * step).toFixed(1);
			level.setAttribute("d", levels.map((one, at) => `M${x(at + 0.5)} ${height}v${(-up(one.level)).toFixed(1)}`).join(""));
			floor.setAttribute("d", levels.map((one, at) => `${at ? "L" : "M"}${x(at)} ${(height - up(one.floor)).toFixed(1)}h${step}`).join(""));
		},
	};
}

/**
 * The stretches of a turn, as far as they are known: what was said, the wait for the first sound, the answer. Pure.
 * @param {Turn} turn
 * @returns {Stretch[]}
 */
export function stretches(turn) {
	const end = turn.trigger_to_end_ms ?? 1000 * (turn.said_s ?? 0);
	const first = turn.end_to_first_sample_ms;
	/** @type {Stretch[]} */
	const found = end ? [{ from: 0, to: end, kind: "said", label: `you spoke for ${milliseconds(end)}` }] : [];
	if (first == null) return found;
	const heard = end + first;
	const over = Math.max(heard, Math.min(turn.lasted_ms ?? Infinity, heard + 1000 * (turn.reply_s ?? 0)));
	return [...found, { from: end, to: heard, kind: "wait", label: `first sound after ${milliseconds(first)}` }, { from: heard, to: over, kind: "reply", label: `answer of ${milliseconds(over - heard)}` }];
}

/** One turn from its trigger to the end of its answer; `longest_ms` is the right end of the picture. */
export function timeline(turn, longest_ms) {
	const [width, height] = [600, 22];
	const parts = stretches(turn);
	const x = (ms) => (ms / longest_ms) * width;
	const bar = (kind, from, to) => svg(`rect.${kind}`, { x: from, width: Math.max(1, to - from), y: 4, height: 14 });
	const sent = turn.trigger_to_first_sent_ms;
	return stretched("timeline", width, height, { role: "img", "aria-label": parts.map(({ label }) => label).join(", ") || "nothing was heard of it" },
		bar("track", 0, width), ...parts.map(({ kind, from, to }) => bar(kind, x(from), x(to))), svg("path.sent", { d: sent == null ? "" : `M${x(sent)} 1v20` }));
}

/** Columns side by side, the newest at the right; `name` tells the picture in words, `line` is marked across all. */
export function columns(given, name, line) {
	const [width, height] = [600, 120];
	const most = Math.max(1e-9, ...given.map(({ value }) => value ?? 0));
	const step = Math.min(24, width / given.length);
	const up = (value) => Math.max(2, ((value ?? 0) / most) * (height - 4));
	const bars = given.map(({ value, label }, at) =>
		svg(value == null ? "rect.none" : "rect", { x: width - step * (given.length - at) + 1, width: step - 2, y: height - up(value), height: up(value), rx: 1.5 }, svg("title", {}, label)));
	return stretched("columns", width, height, { role: "img", "aria-label": name }, ...bars, svg("path.middle", { d: line == null ? "" : `M0 ${height - up(line)}H${width}` }));
}

/**
 * @param {number[]} values
 * @param {number} share 0.5: the median
 * @returns {number | null} the nearest value; null where there is none
 */
export const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? null;

const DAYS = 30;
const DAY_MS = 86_400_000;

/**
 * The days up to the newest, those without anything among them, so that they stand in a calendar's distances. Pure.
 * @param {{day: string}[]} rows of /api/days; one of a clock that was not set is left out
 * @param {number} most so many at most
 * @returns {Record<string, any>[]}
 */
export function calendar(rows, most = DAYS) {
	const known = new Map(rows.filter(({ day }) => !Number.isNaN(Date.parse(day))).map((row) => [row.day, row]));
	const days = [...known.keys()].sort();
	if (!days.length) return [];
	const last_ms = Date.parse(days[days.length - 1]);
	const count = Math.min(most, Math.round((last_ms - Date.parse(days[0])) / DAY_MS) + 1);
	return Array.from({ length: count }, (_, at) => {
		const day = new Date(last_ms - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10);
		return known.get(day) ?? { day };
	});
}

/** "30 November" as this browser's language has it. @param {string} day as 2026-11-30 */
export const shortDay = (day) => new Date(`${day}T12:00`).toLocaleDateString(undefined, { day: "numeric", month: "short" });
