// Elements by function calls: text is only ever set as text, so nothing that was said can become markup.

/**
 * @param {Element} element
 * @param {Record<string, any>} props properties and attributes; `onclick` and the like are listeners
 */
function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props]
 * @param {...any} children nodes and texts; null and false are left out
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value != null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** Strokes on a grid of 24. @type {Record<string, string>} */
const ICONS = {
  now: "M4 12h2.5l2-6 4 13 3-9 1.5 2H20",
  talk: "M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM6 11v1a6 6 0 0 0 12 0v-1M12 18v3",
  timers: "M12 7v5l3 2M5 3 2 6M19 3l3 3M12 21a8 8 0 1 0 0-16 8 8 0 0 0 0 16Z",
  history: "M5 20V11M12 20V4M19 20v-6",
  settings: "M4 7h9M19 7h1M4 17h1M11 17h9M16 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 20a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  health: "M12 21s-8-5-8-11a4.5 4.5 0 0 1 8-3 4.5 4.5 0 0 1 8 3c0 6-8 11-8 11Z",
  mute: "M15 9V6a3 3 0 0 0-6-.5M9 9v3a3 3 0 0 0 4.5 2.6M6 11v1a6 6 0 0 0 9.5 4.9M18 11v1c0 .8-.1 1.5-.4 2.1M12 18v3M4 3l16 18",
  stop: "M7 7h10v10H7Z",
  send: "M5 12h14M13 6l6 6-6 6",
  bell: "M6 17V11a6 6 0 0 1 12 0v6M4 17h16M10.5 20.5h3",
  volume: "M4 10v4h3l5 4V6L7 10H4ZM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
  phone: "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM11 18h2",
  check: "m5 13 4 4L19 7",
  warn: "M12 4 2.5 20h19L12 4ZM12 10v4M12 17v.5",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 8v.5",
  close: "m6 6 12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  key: "M8 15a4 4 0 1 0 0-1M12 14h9v3M17 14v2",
  camera: "M4 8h3l2-3h6l2 3h3v11H4ZM12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
};

/** @param {string} name */
export const icon = (name) => svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

/**
 * Make the children of `parent` follow `items`: those that stay keep their elements, and with them focus and selection.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string | number} key
 * @param {(item: T) => Element} make
 * @param {(element: any, item: T) => void} [update]
 */
export function follow(parent, items, key, make, update = () => {}) {
  const old = new Map([...parent.children].map((child) => [/** @type {any} */ (child).key, child]));
  items.forEach((item, at) => {
    const name = key(item);
    const element = old.get(name) ?? Object.assign(make(item), { key: name });
    old.delete(name);
    update(element, item);
    if (parent.children[at] !== element) parent.insertBefore(element, parent.children[at] ?? null);
  });
  for (const gone of old.values()) gone.remove();
}

/**
 * @param {Element} element
 * @param {string} text set only where it is another, so that nobody's selection is lost and nothing is read twice
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A sentence in which `words in backquotes` are for a terminal.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));

/**
 * An empty place that says what will be here.
 * @param {string} picture
 * @param {string} heading
 * @param {string} text
 * @param {...Node} more
 */
export const nothing = (picture, heading, text, ...more) => h("div", { class: "nothing" }, icon(picture), h("h2", {}, heading), h("p", {}, text), ...more);

/**
 * What went wrong and what helps.
 * @param {{text: string, remedy?: string | null, kind?: string}} trouble
 */
export const notice = ({ text, remedy, kind = "bad" }) =>
  h("div", { class: `notice ${kind}` }, icon(kind === "info" ? "info" : "warn"), h("div", {}, h("p", {}, ...prose(text)), remedy ? h("p", { class: "remedy" }, ...prose(remedy)) : null));

/** A failure as a notice. @param {any} error */
export const fault = ({ message, remedy }) => notice({ text: message, remedy });

/** @param {number | null | undefined} ms */
export const milliseconds = (ms) => (ms == null ? "–" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`);

/**
 * A duration as a clock shows it: 0:05, 12:30, 1:02:03.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** @param {number} seconds */
export function lasting(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds / 3600) % 24} h`;
}
