// Pictures of numbers, as SVG made by calls. Each has its numbers in words beside it or in its label.

import { milliseconds, svg } from "./dom.js";

const LOWEST_DBFS = -90;
const COLUMNS = 75;

/** @param {number} dbfs @param {number} height */
const up = (dbfs, height) => Math.min(1, Math.max(0, 1 - dbfs / LOWEST_DBFS)) * height;

/**
 * The microphone's level over the last seconds against the noise floor: what stands above the line is heard.
 * @returns {{element: SVGSVGElement, draw: (levels: Level[]) => void}}
 */
export function levelPicture() {
  const [width, height] = [300, 56];
  const bars = svg("path", { class: "level" });
  const floor = svg("path", { class: "floor" });
  const element = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "meter", "aria-hidden": "true" }, bars, floor);
  const step = width / COLUMNS;
  return {
    element,
    draw(levels) {
      const first = COLUMNS - levels.length;
      const x = (/** @type {number} */ at) => (first + at) * step;
      bars.setAttribute("d", levels.map(({ level }, at) => `M${(x(at) + step / 2).toFixed(1)} ${height}v${(-Math.max(1, up(level, height))).toFixed(1)}`).join(""));
      floor.setAttribute("d", levels.map((one, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${(height - up(one.floor, height)).toFixed(1)}h${step}`).join(""));
    },
  };
}

/**
 * The stretches of a turn, as far as they are known: what was said, the wait for the first sound, the answer. Pure.
 * @param {Record<string, any>} turn a line of the ledger
 * @returns {Stretch[]}
 */
export function stretches(turn) {
  const end = turn.trigger_to_end_ms ?? 1000 * (turn.said_s ?? 0);
  const first = turn.end_to_first_sample_ms;
  const said = { from: 0, to: end, kind: /** @type {const} */ ("said"), label: `spoke ${milliseconds(end)}` };
  if (first == null) return end ? [said] : [];
  const heard = end + first;
  const over = Math.max(heard, Math.min(turn.lasted_ms ?? Infinity, heard + 1000 * (turn.reply_s ?? 0)));
  const wait = { from: end, to: heard, kind: /** @type {const} */ ("wait"), label: `first sound after ${milliseconds(first)}` };
  return [said, wait, { from: heard, to: over, kind: "reply", label: `answer ${milliseconds(over - heard)}` }];
}

/**
 * One turn from its trigger to the end of its answer.
 * @param {Record<string, any>} turn
 * @param {number} longest_ms the right end of the picture
 */
export function timeline(turn, longest_ms) {
  const [width, height] = [600, 22];
  const x = (/** @type {number} */ ms) => Math.min(width, (ms / longest_ms) * width);
  const parts = stretches(turn);
  const label = parts.map((part) => part.label).join(", ") || "nothing was heard of it";
  const bars = parts.map((part) => svg("rect", { x: x(part.from), width: Math.max(1, x(part.to) - x(part.from)), y: 4, height: 14, class: part.kind }));
  const sent = turn.trigger_to_first_sent_ms;
  const mark = sent == null ? [] : [svg("path", { class: "sent", d: `M${x(sent)} 1v20` })];
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "timeline", role: "img", "aria-label": label }, svg("rect", { class: "track", x: 0, y: 4, width, height: 14 }), ...bars, ...mark);
}

/**
 * Columns side by side, the newest at the right, with a line for the middle one.
 * @param {{value: number | null, label: string, kind?: string}[]} columns
 * @param {{line?: number | null, most?: number, name: string}} about
 */
export function columns(columns, { line = null, most = 0, name }) {
  const [width, height, gap] = [600, 120, 2];
  const top = Math.max(most, 1e-9, ...columns.map(({ value }) => value ?? 0));
  const step = Math.min(24, width / Math.max(1, columns.length));
  const left = width - step * columns.length;
  const y = (/** @type {number} */ value) => height - (value / top) * (height - 4);
  const bars = columns.map(({ value, label, kind = "" }, at) => {
    const height_px = value == null ? 2 : Math.max(2, height - y(value));
    return svg("rect", { x: left + at * step + gap / 2, width: step - gap, y: height - height_px, height: height_px, class: value == null ? "none" : kind, rx: 1.5 }, svg("title", {}, label));
  });
  const middle = line == null ? [] : [svg("path", { class: "middle", d: `M0 ${y(line)}H${width}` })];
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "columns", role: "img", "aria-label": name }, ...bars, ...middle);
}

/**
 * @param {number[]} values
 * @param {number} share 0.5: the median
 * @returns {number | null}
 */
export function quantile(values, share) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

