// What the browser tests share: the stage (speaker, gateway, stand-in) and Chromium before it.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
const PYTHON = process.env.CONURE_PYTHON ?? join(HERE, "../../../.venv/bin/python");

/** Where pictures of the run are left. */
export const SHOTS = process.env.CONURE_SHOTS ?? join(HERE, "../shots");
mkdirSync(SHOTS, { recursive: true });

export const VIEWS = ["now", "talk", "timers", "history", "settings", "health"];

/** No background traffic: on a machine without a way out it fails, many times a second. */
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const SOUND = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"];

/** A speaker, its gateway and the stand-in; `ask` is an act of stage.py. */
export async function openStage() {
	const folder = mkdtempSync(join(tmpdir(), "conure-page-"));
	const process_ = spawn(PYTHON, [join(HERE, "../stage.py"), folder], { stdio: ["pipe", "pipe", process.env.CONURE_LOUD ? "inherit" : "ignore"] });
	const waiting = [];
	const lines = createInterface({ input: process_.stdout });
	lines.on("line", (line) => waiting.shift()?.(JSON.parse(line)));
	const next = () => new Promise((resolve, reject) => {
		waiting.push(resolve);
		process_.once("exit", () => reject(new Error("the stage has ended")));
	});
	const { address } = await next();
	return {
		address,
		ask(name, args = {}) {
			process_.stdin.write(`${name} ${JSON.stringify(args)}\n`);
			return next();
		},
		close() {
			process_.stdin.end();
			return new Promise((resolve) => process_.once("exit", resolve));
		},
	};
}

/** @param {string} [microphone] a WAV file of 48 kHz, which is repeated */
export function openBrowser(microphone) {
	const file = microphone ? [`--use-file-for-fake-audio-capture=${microphone}`] : [];
	return chromium.launch({ executablePath: process.env.CONURE_CHROMIUM ?? "/usr/bin/chromium", args: [...QUIET, ...SOUND, ...file] });
}

/** A browser of its own, as if on another device; what it complains about is kept. */
export async function openVisitor(browser, options = {}) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 }, ...options });
	const page = await context.newPage();
	const complaints = [];
	page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
	page.on("pageerror", (error) => complaints.push(error.message));
	return { context, page, complaints };
}

/**
 * One that is paired, by the link of a QR code. `prepare` gets the page before it loads: the gateway takes only so many
 * requests a second, so each page is loaded once.
 */
export async function openPaired(browser, stage, options = {}, prepare = async (_page) => {}) {
	const visitor = await openVisitor(browser, options);
	await prepare(visitor.page);
	const { code } = await stage.ask("pair");
	await visitor.page.goto(`${stage.address}/#pair=${code}`);
	await visitor.page.locator("conure-now").waitFor();
	return visitor;
}

/** Go to a view by its address, and wait for it. */
export async function go(page, view) {
	await page.evaluate((name) => (location.hash = name), view);
	await page.locator(`conure-${view}`).waitFor();
}
