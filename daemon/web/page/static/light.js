// The speaker's light, drawn as its lamp is: the same scenes (GET /api/lights), the same rhythm, on a ring of 24.

import { svg } from "./dom.js";

const PIXELS = 24;
const TURN_S = 1.5; // one round of a bright spot, as in the lamp

/** @param {Scene} scene */
export const moves = (scene) => scene.curve.some(([duration_s]) => duration_s > 0);

/**
 * The pixels of a scene, `t_s` after it began. Pure.
 * @param {Scene} scene
 * @param {number} t_s
 * @param {number} count
 * @param {number} fill of a bar, 0 to 1
 * @returns {Colour[]}
 */
export function render(scene, t_s, count, fill = 1) {
  const bright = brightness(scene.curve, t_s);
  return Array.from({ length: count }, (_, pixel) => lit(scene, bright * SHARES[scene.layout](t_s, pixel, count, fill)));
}

/** @param {Scene["curve"]} curve @param {number} t_s */
function brightness(curve, t_s) {
  const total_s = curve.reduce((sum, [duration_s]) => sum + duration_s, 0);
  let left_s = total_s ? t_s % total_s : 0;
  for (const [duration_s, begin, end] of curve) {
    if (left_s < duration_s) return begin + (end - begin) * (0.5 - 0.5 * Math.cos((Math.PI * left_s) / duration_s));
    left_s -= duration_s;
  }
  return curve[curve.length - 1][2];
}

/** @type {Record<Scene["layout"], (t_s: number, pixel: number, count: number, fill: number) => number>} */
const SHARES = {
  all: () => 1,
  spin(t_s, pixel, count) {
    const away = Math.abs(((t_s / TURN_S) % 1) - pixel / count);
    return 1 - 2 * Math.min(away, 1 - away);
  },
  bar: (_t_s, pixel, count, fill) => Math.min(1, Math.max(0, fill * count - pixel)),
};

/** @param {Scene} scene @param {number} bright @returns {Colour} */
function lit({ colour, under }, bright) {
  const [red, green, blue] = colour.map((channel, at) => Math.max(under[at], Math.round(channel * bright)));
  return [red, green, blue];
}

/**
 * A light is linear and a screen is not (sRGB's exponent is about 2.2); what is dark stays visible as a part.
 * @param {Colour} pixel
 */
export const onScreen = (pixel) => `rgb(${pixel.map((channel, at) => Math.round(OFF[at] + (255 - OFF[at]) * (channel / 255) ** (1 / 2.2))).join(" ")})`;

const OFF = [42, 48, 50];

/** The speaker from above, with its ring of light; a picture with a name, for the name stands beside it in words. */
export class ConureLight extends HTMLElement {
  /** @type {Scene | null} */ #scene = null;
  #fill = 1;
  #since_ms = 0;
  #frame = 0;
  /** @type {SVGPathElement[]} */ #pixels = [];

  connectedCallback() {
    if (this.#pixels.length) return this.#go();
    this.#pixels = Array.from({ length: PIXELS }, (_, at) => svg("path", { d: arc(at), class: "pixel" }));
    const ring = svg("g", { class: "ring" }, ...this.#pixels);
    this.append(svg("svg", { viewBox: "-120 -120 240 240", role: "img", "aria-label": "The speaker's light" },
      svg("circle", { r: 112, class: "body" }), svg("circle", { r: 111, class: "edge" }), ring,
      svg("circle", { r: 76, class: "top" }), svg("g", { class: "holes" }, ...holes())));
    this.#go();
  }

  disconnectedCallback() {
    cancelAnimationFrame(this.#frame);
  }

  /** @param {Scene | null} scene @param {number} [fill] */
  show(scene, fill = 1) {
    this.#fill = fill;
    if (scene === this.#scene) return;
    this.#scene = scene;
    this.#since_ms = performance.now();
    this.querySelector("svg")?.setAttribute("aria-label", scene ? `The speaker's light: ${scene.looks}` : "The speaker's light is not known");
    this.#go();
  }

  #go() {
    cancelAnimationFrame(this.#frame);
    this.#draw(performance.now());
  }

  /** @param {number} now_ms */
  #draw(now_ms) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const scene = this.#scene;
    const pixels = scene ? (still ? stillOf(scene, this.#fill) : render(scene, (now_ms - this.#since_ms) / 1000, PIXELS, this.#fill)) : [];
    this.#pixels.forEach((path, at) => (path.style.stroke = onScreen(pixels[at] ?? [0, 0, 0])));
    this.style.setProperty("--glow", glow(pixels));
    if (scene && moves(scene) && !still) this.#frame = requestAnimationFrame((next_ms) => this.#draw(next_ms));
  }
}

/** The brightest moment of a scene, for who wants nothing to move. @param {Scene} scene @param {number} fill */
function stillOf(scene, fill) {
  const brightest = Math.max(...scene.curve.map(([, begin, end]) => Math.max(begin, end)));
  return render({ ...scene, layout: scene.layout === "bar" ? "bar" : "all", curve: [[0, brightest, brightest]] }, 0, PIXELS, fill);
}

/** The mean of the pixels as a colour with its strength. @param {Colour[]} pixels */
function glow(pixels) {
  const sum = pixels.reduce((total, pixel) => total.map((part, at) => part + pixel[at]), [0, 0, 0]);
  const strongest = Math.max(1, ...sum);
  const share = Math.max(...sum) / (255 * (pixels.length || 1));
  return `rgb(${sum.map((part) => Math.round((255 * part) / strongest)).join(" ")} / ${(0.4 * share ** (1 / 2.2)).toFixed(3)})`;
}

/** @param {number} at */
function arc(at) {
  const [from, to] = [at + 0.16, at + 0.84].map((part) => (part / PIXELS) * 2 * Math.PI - Math.PI / 2);
  const point = (/** @type {number} */ angle) => `${(94 * Math.cos(angle)).toFixed(2)} ${(94 * Math.sin(angle)).toFixed(2)}`;
  return `M${point(from)}A94 94 0 0 1 ${point(to)}`;
}

/** The grille: circles of small holes. */
function holes() {
  return [14, 28, 42, 56].flatMap((radius, ring) => Array.from({ length: 6 * (ring + 1) }, (_, at) => {
    const angle = (at / (6 * (ring + 1))) * 2 * Math.PI;
    return svg("circle", { cx: (radius * Math.cos(angle)).toFixed(1), cy: (radius * Math.sin(angle)).toFixed(1), r: 2.2 });
  }));
}

customElements.define("conure-light", ConureLight);
