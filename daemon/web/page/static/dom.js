// Elements by function calls. Text is only ever set as text, so nothing that was said can become markup.

/**
 * @template {string} W
 * @param {W} what a tag, with classes behind dots: "p.small"
 * @param {...any} rest one object of properties, attributes and listeners (`onclick`), if there is any; then children,
 *   of which null and false are left out
 * @returns {Made<W>}
 */
export function h(what, ...rest) {
	const [tag, ...classes] = what.split(".");
	const element = document.createElement(tag);
	if (classes.length) element.className = classes.join(" ");
	for (const [name, value] of Object.entries(rest[0]?.constructor === Object ? rest.shift() : {})) {
		if (value == null || value === false) continue;
		if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
		else if (typeof value === "string") element.setAttribute(name, value);
		else element[name] = value;
	}
	element.append(...rest.filter((child) => child != null && child !== false));
	return /** @type {any} */ (element);
}

/** @type {(what: string, attributes?: Record<string, string | number>, ...children: (Node | string)[]) => SVGElement} */
export const svg = (what, attributes = {}, ...children) => {
	const [tag, ...classes] = what.split(".");
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	element.setAttribute("class", classes.join(" "));
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
	element.append(...children);
	return /** @type {any} */ (element);
};

/** Strokes on a grid of 24. */
const ICONS = {
	now: "M4 12h2.5l2-6 4 13 3-9 1.5 2H20",
	talk: "M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM6 11v1a6 6 0 0 0 12 0v-1M12 18v3",
	timers: "M12 8v5l3 2M5 3 2 6M19 3l3 3M12 21a8 8 0 1 0 0-16 8 8 0 0 0 0 16Z",
	history: "M5 20v-9M12 20V4M19 20v-6",
	settings: "M4 7h9M19 7h1M4 17h1M11 17h9M16 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 20a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
	health: "M12 20.5C8 17.5 4 14 4 10a4.5 4.5 0 0 1 8-3 4.5 4.5 0 0 1 8 3c0 4-4 7.5-8 10.5Z",
	mute: "M15 9V6a3 3 0 0 0-6-.5M9 9v3a3 3 0 0 0 4.5 2.6M6 11v1a6 6 0 0 0 9.5 4.9M18 11v1q0 1-.4 2M12 18v3M4 3l16 18",
	stop: "M7 7h10v10H7Z",
	send: "M5 12h14M13 6l6 6-6 6",
	bell: "M6 17v-6a6 6 0 0 1 12 0v6M4 17h16M10.5 20.5h3",
	check: "m5 13 4 4L19 7",
	warn: "M12 4 2.5 20h19L12 4ZM12 10v4M12 17v.5",
	info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 8v.5",
	close: "m6 6 12 12M18 6 6 18",
	"set-up": "M15 13a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM12 11l-8 8M7 16l2.5 2.5",
};

/** @param {string} name */
export const icon = (name) => svg("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

/**
 * Make the children of `parent` follow `items`: those that stay keep their elements, and with them focus and selection.
 * @type {<T>(parent: Element, items: T[], key: (item: T) => string | number, make: (item: T) => Element, update?: (element: any, item: T) => void) => void}
 */
export const follow = (parent, items, key, make, update = () => {}) => {
	const old = new Map([...parent.children].map((child) => [child.key, child]));
	items.forEach((item, at) => {
		const name = key(item);
		const element = old.get(name) ?? Object.assign(make(item), { key: name });
		old.delete(name);
		update(element, item);
		if (parent.children[at] !== element) parent.insertBefore(element, parent.children[at] ?? null);
	});
	for (const gone of old.values()) gone.remove();
};

/** Set only where it is another, so that no selection is lost and nothing is read twice. */
export function say(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

/** A sentence in which `words in backquotes` are for a terminal. @param {string} text */
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", part) : part));

/** An empty place that says what will be here. */
export const nothing = (picture, heading, text) => h("div.nothing", icon(picture), h("h2", heading), h("p", ...prose(text)));

/** @param {Trouble} trouble */
export const notice = ({ text, remedy, kind = "bad" }) =>
	h("div", { class: `notice ${kind}` }, icon(kind === "info" ? kind : "warn"), h("div", h("p", ...prose(text)), remedy && h("p.remedy", ...prose(remedy))));

/** A failure as a notice. */
export const fault = ({ message, remedy }) => notice({ text: message, remedy });

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** One line of a `dl`. @param {any[]} row its name and its value */
export const fact = ([name, value]) => h("div", h("dt", name), h("dd.number", value));

/** @param {number | null | undefined} ms */
export const milliseconds = (ms) => (ms == null ? "–" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`);

/** A duration as a clock shows it: 0:05, 12:30, 1:02:03. @param {number} seconds */
export function clock(seconds) {
	const whole = Math.max(0, Math.ceil(seconds));
	const two = (part) => String(part).padStart(2, "0");
	const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, two(whole % 60)];
	return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
