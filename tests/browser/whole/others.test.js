// Pages of other projects, rewritten from what they do: the demo page of ai-proxy-core, the recorder of the live audio app.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { openBrowser } from "./theatre.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const PYTHON = process.env.CONURE_PYTHON ?? join(HERE, "../../../.venv/bin/python");

let stage, browser, folder;

async function openTalkStage(place) {
	const child = spawn(PYTHON, [join(HERE, "../talk_stage.py"), place], { stdio: ["pipe", "pipe", "inherit"] });
	const waiting = [];
	createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(JSON.parse(line)));
	const next = () => new Promise((resolve) => waiting.push(resolve));
	const first = await next();
	return {
		...first,
		ask() {
			child.stdin.write("\n");
			return next();
		},
		close: () => child.stdin.end(),
	};
}

before(async () => {
	folder = mkdtempSync(join(tmpdir(), "conure-others-"));
	stage = await openTalkStage(folder);
	browser = await openBrowser(`${stage.microphone}%noloop`);
});
after(async () => {
	await browser?.close();
	stage?.close();
});

/** A page that was opened from disk, so that its origin is `null`. */
async function fromDisk(script) {
	const file = join(folder, "page.html");
	writeFileSync(file, `<!doctype html><meta charset="utf-8"><script>const ADDRESS = ${JSON.stringify(stage.address.replace("http", "ws"))};\n(${script})();</script>`);
	const page = await (await browser.newContext()).newPage();
	page.on("pageerror", (error) => assert.fail(error));
	await page.goto(`file://${file}`);
	return page;
}

async function until(what, limit_s) {
	for (const began = Date.now(); Date.now() - began < limit_s * 1000; ) {
		const found = await what();
		if (found) return found;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return null;
}

/** As `examples/gemini_live_demo.html`: `config` in `onopen`, a bubble for each `response`, an Audio for each `audio`. */
function demo() {
	const seen = (globalThis.seen = { bubbles: [], played: [], errors: [] });
	const socket = (globalThis.socket = new WebSocket(`${ADDRESS}/api/gemini/ws`));
	socket.onopen = () => socket.send(JSON.stringify({ type: "config", data: { model: "gemini-1.5-flash", generation_config: { temperature: 0.7, max_output_tokens: 1000, response_modalities: ["TEXT", "AUDIO"] }, voice: "Puck" } }));
	socket.onmessage = ({ data: text }) => {
		const data = JSON.parse(text);
		if (data.type === "system") seen.system = data.data;
		if (data.type === "response") seen.bubbles.push(data.text);
		if (data.type === "error") seen.errors.push(`Error: ${data.error}`);
		if (data.type === "audio") {
			const audio = new Audio("data:audio/wav;base64," + data.data);
			const times = { begins: 0, ends: 0 };
			seen.played.push(times);
			audio.onplaying = () => (times.begins = performance.now());
			audio.onended = () => (times.ends = performance.now());
			audio.play().catch((error) => seen.errors.push(`Failed to play audio response: ${error}`));
		}
	};
	globalThis.record = async (length_ms) => {
		const recorder = new MediaRecorder(await navigator.mediaDevices.getUserMedia({ audio: true }), { mimeType: "audio/webm;codecs=pcm" });
		const pieces = [];
		recorder.ondataavailable = ({ data }) => pieces.push(data);
		recorder.onstop = () => {
			const reader = new FileReader();
			reader.onloadend = () => socket.send(JSON.stringify({ type: "audio", data: reader.result.split(",")[1] }));
			reader.readAsDataURL(new Blob(pieces, { type: "audio/webm" }));
		};
		recorder.start();
		setTimeout(() => recorder.stop(), length_ms);
	};
}

test("the demo page shows sentences, and its files play one after the other", { timeout: 60_000 }, async () => {
	const page = await fromDisk(demo);
	await page.waitForFunction(() => seen.system === "Connected to Gemini Live");
	await page.evaluate(() => socket.send(JSON.stringify({ type: "message", data: { text: "Hello" } })));
	await page.waitForFunction(() => seen.played.length === 3 && seen.played.every(({ ends }) => ends), null, { timeout: 20_000 });
	const { bubbles, played, errors } = await page.evaluate(() => seen);
	assert.deepEqual(errors, []);
	assert.deepEqual(bubbles, ["This is the first.", "This is the second, and the last"]);
	for (const [before, next] of [[played[0], played[1]], [played[1], played[2]]]) {
		const late_ms = next.begins - before.ends; // `ended` comes 40 ms late, on a busy machine more; the sound does not overlap
		assert.ok(late_ms > -400 && late_ms < 400, JSON.stringify(played));
	}
	await page.close();
	assert.ok(await until(async () => (await stage.ask()).talks === 0, 2));
});

test("what the demo page records arrives as it was said", { timeout: 60_000 }, async () => {
	const page = await fromDisk(demo);
	await page.waitForFunction(() => seen.system);
	await page.evaluate(() => record(3500));
	await page.waitForFunction(() => seen.bubbles.length === 2, null, { timeout: 20_000 });
	const { likeness, turns } = await stage.ask();
	console.log(`likeness of what was recorded: ${likeness}`, turns.at(-1));
	assert.ok(likeness >= 0.6, String(likeness));
	await page.close();
});

/** As LiveAudioRecorder.js: slices of 100 ms in base64, and at *Stop* a socket that closes in the same breath. */
function recorder() {
	const seen = (globalThis.seen = { text: "", turns: 0, errors: [] });
	globalThis.start = async () => {
		const socket = new WebSocket(`${ADDRESS}/ws/audio-live`);
		await new Promise((resolve) => (socket.onopen = resolve));
		socket.onmessage = ({ data: text }) => {
			const data = JSON.parse(text);
			if (data.type === "text") seen.text += data.content;
			if (data.type === "turn_complete") seen.turns += 1;
			if (data.type === "error") seen.errors.push(data.message);
		};
		const stream = await navigator.mediaDevices.getUserMedia({ audio: { sampleRate: 16000, channelCount: 1 } });
		const media = new MediaRecorder(stream, { mimeType: "audio/webm;codecs=opus", audioBitsPerSecond: 16000 });
		media.ondataavailable = ({ data }) => {
			const reader = new FileReader();
			reader.onloadend = () => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ type: "audio_chunk", audio: reader.result.split(",")[1] }));
			reader.readAsDataURL(data);
		};
		media.onstop = () => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ type: "audio_complete" }));
		media.start(100);
		globalThis.stop = () => {
			media.stop();
			socket.close();
		};
	};
}

test("an answer appears while the recorder runs, and Stop leaves no talk", { timeout: 60_000 }, async () => {
	const own = await openBrowser(`${stage.microphone}%noloop`); // the file is read from its beginning once
	try {
		const file = join(folder, "recorder.html");
		writeFileSync(file, `<!doctype html><script>const ADDRESS = ${JSON.stringify(stage.address.replace("http", "ws"))};\n(${recorder})();</script>`);
		const page = await (await own.newContext()).newPage();
		await page.goto(`file://${file}`);
		await page.evaluate(() => start());
		await page.waitForFunction(() => seen.text && seen.turns, null, { timeout: 20_000 });
		const seen_ = await page.evaluate(() => seen);
		assert.equal(seen_.text, "This is the first. This is the second, and the last");
		assert.deepEqual(seen_.errors, []);
		console.log("likeness of what was sliced:", (await stage.ask()).likeness);
		await page.evaluate(() => stop());
		const last = await until(async () => ((known) => known.talks + known.sessions === 0 && known)(await stage.ask()), 2);
		assert.ok(last, JSON.stringify(await stage.ask()));
	} finally {
		await own.close();
	}
});
