import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { SHOTS, go, openBrowser, openPaired, openStage } from "./theatre.js";

/** The stand-in echoes what it heard, in its own time: so long may a turn take on a busy machine. */
const TURN_MS = 30_000;

let stage, browser;
before(async () => {
	stage = await openStage();
	browser = await openBrowser((await stage.ask("microphone")).file);
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
	await browser?.close();
	await stage?.close();
});

/**
 * Runs in the page, before its own code. The browser's echo cancelling and gain control would change the words, so
 * they are off; what goes to the loudspeaker is kept in `heard`, since there is no sound card.
 */
function hearAlong(tap_code) {
	const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
	const plain = (audio) => audio && { ...audio, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
	navigator.mediaDevices.getUserMedia = ({ audio, ...more }) => open({ ...(audio && { audio: plain(audio) }), ...more });
	const { addModule } = AudioWorklet.prototype;
	const tap_address = URL.createObjectURL(new Blob([tap_code], { type: "text/javascript" }));
	AudioWorklet.prototype.addModule = async function (address) {
		await (this.tapped ??= addModule.call(this, tap_address));
		return addModule.call(this, address);
	};
	const { connect } = AudioNode.prototype;
	globalThis.heard = { rate: 0, blocks: [] };
	AudioNode.prototype.connect = function (target, ...more) {
		if (target instanceof AudioDestinationNode) {
			const tap = new AudioWorkletNode(this.context, "tap", { numberOfOutputs: 0 });
			globalThis.heard.rate = this.context.sampleRate;
			tap.port.onmessage = ({ data }) => globalThis.heard.blocks.push(data);
			connect.call(this, tap);
		}
		return connect.call(this, target, ...more);
	};
}

/** A worklet, for the main thread may be late and would lose samples. The page's policy would refuse it, and is off here. */
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
	process([[channel]]) {
		if (channel) this.port.postMessage(channel.slice());
		return true;
	}
});`;

/** What the page played, as s16 in base64. */
const played = (page) => page.evaluate(() => {
	const samples = globalThis.heard.blocks.flatMap((block) => [...block]);
	const bytes = new Uint8Array(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767).buffer);
	let text = "";
	for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
	return { pcm: btoa(text), rate_hz: globalThis.heard.rate };
});

async function openTalk() {
	const visitor = await openPaired(browser, stage, { permissions: ["microphone", "camera"], bypassCSP: true }, (page) => page.addInitScript(hearAlong, TAP));
	await go(visitor.page, "talk");
	return visitor;
}

test("what is said to the page is heard by the service, and its answer is heard from the page", async (t) => {
	const { page, complaints } = await openTalk();
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.getByRole("button", { name: "End", exact: true }).waitFor();
	await page.locator('conure-talk[data-sounding="true"]').waitFor({ timeout: TURN_MS });
	assert.match(await page.title(), /Microphone open/);
	await page.locator('conure-talk[data-sounding="false"]').waitFor({ timeout: TURN_MS });
	const heard = await stage.ask("heard");
	assert.ok(heard.likeness >= 0.9, `heard by the service: ${JSON.stringify(heard)}`);
	const answer = await stage.ask("played", await played(page));
	t.diagnostic(`heard by the service ${heard.likeness.toFixed(3)}, from the page ${answer.likeness.toFixed(3)}`);
	assert.ok(answer.likeness >= 0.9, `heard from the page: ${JSON.stringify(answer)}`);
	assert.ok((await page.locator(".line.user").count()) > 0 && (await page.locator(".line.model").count()) > 0);
	await page.getByRole("button", { name: "End", exact: true }).click();
	await page.getByRole("button", { name: "Start", exact: true }).waitFor();
	assert.deepEqual(complaints, []);
});

test("a talk in writing is answered aloud, and Stop silences it", async () => {
	const { page } = await openTalk();
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.locator("conure-talk").getByText(/Speak|Listening/).first().waitFor();
	await page.locator("conure-talk").getByLabel("Ask in writing").fill("tell me a long story about parrots");
	await page.keyboard.press("Enter");
	await page.locator('conure-talk[data-sounding="true"]').waitFor({ timeout: TURN_MS });
	const stop = page.getByRole("button", { name: "Stop", exact: true });
	await stop.waitFor();
	await stop.click();
	await page.locator('conure-talk[data-sounding="false"]').waitFor({ timeout: 2000 });
});

test("with push to talk nothing is sent until the button is held", async () => {
	const { page } = await openTalk();
	const sent = [];
	page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => sent.push(typeof payload === "string" ? JSON.parse(payload).type : "sound")));
	await page.getByLabel("Push to talk").check();
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.getByText("Hold the button to talk").waitFor();
	assert.deepEqual(sent, ["start"]);
	const hold = page.getByRole("button", { name: "Hold to talk" });
	await hold.focus();
	await page.keyboard.down("Space");
	await page.waitForTimeout(500);
	await page.keyboard.up("Space");
	await page.waitForTimeout(300);
	assert.equal(sent[1], "press");
	assert.equal(sent.at(-1), "release");
	assert.ok(sent.filter((kind) => kind === "sound").length >= 5);
});

test("leaving the view ends the talk and closes the microphone", async () => {
	const { page } = await openTalk();
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.getByRole("button", { name: "End", exact: true }).waitFor();
	const closed = page.waitForEvent("websocket").then((socket) => socket.waitForEvent("close")).catch(() => {});
	await go(page, "now");
	await closed;
	assert.equal(await page.title(), "Now · Conure");
});

test("a browser without a microphone says so, and what helps", async () => {
	const { page } = await openPaired(browser, stage, { permissions: [] }, (loading) => loading.addInitScript(() => {
		navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
	}));
	await go(page, "talk");
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.getByText(/does not let this page use the microphone/).waitFor();
	await page.getByText(/Allow it beside the address/).waitFor();
	await page.getByRole("button", { name: "Start", exact: true }).waitFor();
});

test("a browser that lacks what a talk needs says what, instead of failing", async () => {
	const { page } = await openPaired(browser, stage, {}, (loading) => loading.addInitScript(() => Object.defineProperty(globalThis, "isSecureContext", { value: false })));
	await go(page, "talk");
	await page.getByText(/without encryption/).waitFor();
	assert.ok(await page.getByRole("button", { name: "Start", exact: true }).isDisabled());
});

test("what is said while the talk connects is kept, and sent when it stands", async () => {
	const { page } = await openTalk();
	const sent = [];
	let open_ = () => {};
	await page.routeWebSocket(/\/ws\/talk/, (socket) => {
		const server = socket.connectToServer();
		const held = [];
		let holds = true;
		open_ = () => {
			holds = false;
			sent.push("opened");
			for (const message of held) socket.send(message);
		};
		server.onMessage((message) => (holds ? held.push(message) : socket.send(message)));
		socket.onMessage((message) => {
			sent.push(typeof message === "string" ? JSON.parse(message).type : message.length - 4);
			server.send(message);
		});
	});
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.getByText("Speak already").waitFor();
	await page.getByLabel("Ask in writing").fill("and this in writing");
	await page.keyboard.press("Enter");
	await page.waitForTimeout(2000);
	assert.deepEqual(sent, ["start"]);
	open_();
	await page.getByText("Listening").waitFor();
	const after = sent.slice(sent.indexOf("opened") + 1);
	assert.ok(after.includes("text"), JSON.stringify(after));
	const kept = after.filter((one) => one > 1280); // joined: what is sent as it is heard has 1280 bytes
	assert.ok(kept.length >= 4 && kept.every((bytes) => bytes <= 8192), JSON.stringify(after));
	assert.ok(kept.reduce((sum, bytes) => sum + bytes, 0) >= 1.5 * 32_000, JSON.stringify(after));
});

test("the camera shows the model a picture a second while it listens, and the page shows which", async () => {
	const { page, complaints } = await openTalk();
	await page.getByLabel("Camera", { exact: true }).check();
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.getByText("It has seen this picture.").waitFor({ timeout: TURN_MS });
	await page.waitForTimeout(2500);
	const { pictures } = await stage.ask("seen");
	assert.ok(pictures.length >= 2, JSON.stringify(pictures));
	for (const { width, height, jpeg } of pictures) {
		assert.ok(jpeg && Math.max(width, height) <= 768, JSON.stringify(pictures));
	}
	assert.ok(pictures.slice(1).every(({ at_s }, at) => at_s - pictures[at].at_s > 0.9), JSON.stringify(pictures));
	assert.ok(await page.locator(".sight img").evaluate((image) => image.naturalWidth > 0));
	await page.screenshot({ path: join(SHOTS, "talk-camera-1280-light.png"), fullPage: true });
	await page.getByLabel("Camera", { exact: true }).uncheck();
	assert.equal(await page.locator(".sight").isVisible(), false);
	await page.waitForTimeout(300);
	const before_ = (await stage.ask("seen")).pictures.length;
	await page.waitForTimeout(1500);
	assert.equal((await stage.ask("seen")).pictures.length, before_);
	assert.deepEqual(complaints, []);
});

test("a camera that may not be used is told, and the talk goes on", async () => {
	const { page } = await openTalk();
	await page.evaluate(() => {
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = (wanted) => (wanted.video ? Promise.reject(new DOMException("no", "NotAllowedError")) : open(wanted));
	});
	await page.getByRole("button", { name: "Start", exact: true }).click();
	await page.getByText("Listening").waitFor();
	await page.getByLabel("Camera", { exact: true }).click();
	await page.getByText(/does not let this page use the camera/).waitFor();
	assert.equal(await page.getByLabel("Camera", { exact: true }).isChecked(), false);
	await page.getByRole("button", { name: "End", exact: true }).waitFor();
});
