// The speaker's light, drawn as its lamp is: the same scenes (/api/lights), the same rhythm, on a ring of 24.

import { svg } from "./dom.js";

const PIXELS = 24;
const TURN_S = 1.5; // one round of a bright spot, as in the lamp
const OFF = [42, 48, 50]; // what is dark stays visible as a part

/**
 * The pixels of a scene, `t_s` after it began, with its bar at `fill` (0 to 1). Pure.
 * @type {(scene: Scene, t_s: number, count: number, fill?: number) => Colour[]}
 */
export const render = ({ colour, under, layout, curve }, t_s, count, fill = 1) => {
	const bright = brightness(curve, t_s);
	return Array.from({ length: count }, (_, pixel) => {
		const share = bright * SHARES[layout](t_s, pixel, count, fill);
		return /** @type {Colour} */ (colour.map((channel, at) => Math.max(under[at], Math.round(channel * share))));
	});
};

function brightness(curve, t_s) {
	const total_s = curve.reduce((sum, [duration_s]) => sum + duration_s, 0);
	let left_s = total_s ? t_s % total_s : 0;
	for (const [duration_s, begin, end] of curve) {
		if (left_s < duration_s) return begin + (end - begin) * (0.5 - 0.5 * Math.cos((Math.PI * left_s) / duration_s));
		left_s -= duration_s;
	}
	return curve[curve.length - 1][2];
}

const SHARES = {
	all: () => 1,
	spin(t_s, pixel, count) {
		const away = Math.abs(((t_s / TURN_S) % 1) - pixel / count);
		return 1 - 2 * Math.min(away, 1 - away);
	},
	bar: (_t_s, pixel, count, fill) => Math.min(1, Math.max(0, fill * count - pixel)),
};

/** A scene at its brightest, for who wants nothing to move. @param {Scene} scene @returns {Scene} */
function still(scene) {
	const brightest = Math.max(...scene.curve.flatMap(([, begin, end]) => [begin, end]));
	return { ...scene, layout: scene.layout === "spin" ? "all" : scene.layout, curve: [[0, brightest, brightest]] };
}

/** A light is linear and a screen is not: sRGB's exponent is about 2.2. @param {number} channel 0 to 255 */
const screen = (channel) => (channel / 255) ** (1 / 2.2);

const onScreen = (pixel) => `rgb(${pixel.map((channel, at) => Math.round(OFF[at] + (255 - OFF[at]) * screen(channel))).join(" ")})`;

/** The speaker from above with its ring of light. The light's name stands beside it in words. */
export class ConureLight extends HTMLElement {
	/** @type {Scene | null} */ scene = null;
	pixels = Array.from({ length: PIXELS }, (_, at) => svg("path.pixel", { d: arc(at) }));
	picture = svg("svg", { viewBox: "-120 -120 240 240", role: "img" },
		svg("circle.body", { r: 112 }), ...this.pixels, svg("circle.top", { r: 76 }), svg("g.holes", {}, ...holes()));
	fill = 1;
	since_ms = 0;
	frame = 0;

	connectedCallback() {
		this.append(this.picture);
		this.show(this.scene, this.fill);
	}

	disconnectedCallback() {
		cancelAnimationFrame(this.frame);
	}

	/** @param {Scene | null} scene @param {number} [fill] of its bar */
	show(scene, fill = 1) {
		if (scene !== this.scene) this.since_ms = performance.now();
		this.fill = fill;
		this.scene = scene;
		this.picture.setAttribute("aria-label", scene ? `The light is ${scene.looks}` : "The light is not known");
		cancelAnimationFrame(this.frame);
		this.#draw(performance.now());
	}

	#draw(now_ms) {
		const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
		const scene = this.scene && (calm ? still(this.scene) : this.scene);
		const lit = scene ? render(scene, (now_ms - this.since_ms) / 1000, PIXELS, this.fill) : [];
		this.pixels.forEach((path, at) => (path.style.stroke = onScreen(lit[at] ?? [0, 0, 0])));
		this.style.setProperty("--glow", glow(lit));
		if (scene?.curve.some(([duration_s]) => duration_s)) this.frame = requestAnimationFrame((next_ms) => this.#draw(next_ms));
	}
}

/** The mean of the pixels, as a colour with its strength. @param {Colour[]} pixels */
function glow(pixels) {
	const sum = [0, 1, 2].map((at) => pixels.reduce((total, pixel) => total + pixel[at], 0));
	const most = Math.max(1, ...sum);
	return `rgb(${sum.map((part) => Math.round((255 * part) / most)).join(" ")} / ${(0.4 * screen(most / PIXELS)).toFixed(3)})`;
}

function arc(at) {
	const [from, to] = [0.2, 0.8].map((part) => {
		const angle = ((at + part) / PIXELS - 0.25) * 2 * Math.PI;
		return `${(94 * Math.cos(angle)).toFixed(2)} ${(94 * Math.sin(angle)).toFixed(2)}`;
	});
	return `M${from}A94 94 0 0 1 ${to}`;
}

/** The grille: circles of small holes. */
function holes() {
	return [1, 2, 3, 4].flatMap((ring) => Array.from({ length: 6 * ring }, (_, at) => {
		const angle = (at / (3 * ring)) * Math.PI;
		return svg("circle", { cx: (14 * ring * Math.cos(angle)).toFixed(1), cy: (14 * ring * Math.sin(angle)).toFixed(1), r: 2.2 });
	}));
}

customElements.define("conure-light", ConureLight);
