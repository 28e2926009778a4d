// A browser that talks to the service itself: Google's own library in Chromium, with a token from /api/token.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { openBrowser, openPaired, openStage } from "./theatre.js";

/** Its only import repeats failed HTTP requests; a Live session makes none. */
const RETRIES = "import pRetry from 'p-retry';";
const LIBRARY = fileURLToPath(import.meta.resolve("@google/genai/web"));

let stage, browser;
before(async () => ([stage, browser] = await Promise.all([openStage(), openBrowser()])));
after(async () => {
	await browser?.close();
	await stage?.close();
});

/** Runs in the page: one turn in writing with a token of its own; the second session with it is refused. */
async function converse(baseUrl) {
	const { GoogleGenAI } = await import("/genai.mjs");
	const answer = await fetch("/api/token", { method: "POST" });
	const { token, model, api_version: apiVersion } = await answer.json();
	const open = async () => {
		const seen = { bytes: 0, over: false, refused: "" };
		const onmessage = ({ serverContent, data }) => {
			seen.bytes += data?.length ?? 0;
			seen.over ||= Boolean(serverContent?.turnComplete);
		};
		const ai = new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl, apiVersion } });
		const connecting = ai.live.connect({ model, config: { responseModalities: ["AUDIO"] }, callbacks: { onmessage } });
		return { seen, session: await connecting.catch(({ message }) => (seen.refused = message) && null) };
	};
	const until = async (is_so) => {
		for (let tries = 0; tries < 300 && !is_so(); tries++) await new Promise((resolve) => setTimeout(resolve, 100));
	};
	const first = await open();
	first.session.sendClientContent({ turns: [{ role: "user", parts: [{ text: "Hello" }] }], turnComplete: true });
	await until(() => first.seen.over);
	first.session.close();
	const second = await open();
	return { status: answer.status, token, first: first.seen, second: second.seen };
}

test("Google's library in a browser holds one session by a token of the gateway, without the key", async () => {
	const { page } = await openPaired(browser, stage, { bypassCSP: true });
	const source = readFileSync(LIBRARY, "utf8");
	assert.ok(source.includes(RETRIES));
	await page.route("**/genai.mjs", (route) => route.fulfill({ contentType: "text/javascript", body: source.replace(RETRIES, "const pRetry = (run) => run();") }));
	const { address } = await stage.ask("standin");
	const { status, token, first, second } = await page.evaluate(converse, address);
	assert.equal(status, 201);
	assert.ok(token.startsWith("auth_tokens/"));
	assert.ok(first.over && first.bytes > 10_000, JSON.stringify(first));
	assert.match(second.refused, /1008.*used too many times/, "a token is good once");
});
