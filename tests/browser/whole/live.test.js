import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { go, openBrowser, openPaired, openStage } from "./theatre.js";

const COLD_REQUESTS = 16;

let stage, browser;
before(async () => ([stage, browser] = await Promise.all([openStage(), openBrowser()])));
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
	await browser?.close();
	await stage?.close();
});

test("the first view is live after few requests", async () => {
	const { page, complaints } = await openPaired(browser, stage);
	const asked = [];
	page.on("response", (response) => asked.push([response.status(), new URL(response.url()).pathname]));
	await page.reload();
	await page.getByText("Ready", { exact: true }).waitFor();
	assert.ok(asked.length <= COLD_REQUESTS, `${asked.length} requests: ${asked.map(([, path]) => path)}`);
	assert.deepEqual(complaints, []);
});

test("what happens at the speaker is on the page: volume, mute, light", async () => {
	const { page } = await openPaired(browser, stage);
	await page.getByText("Ready", { exact: true }).waitFor();
	await stage.ask("command", { name: "volume", args: { percent: 37 } });
	await page.getByText("37 %").waitFor();
	await page.getByRole("button", { name: "Mute" }).click();
	await page.getByText("Muted", { exact: true }).waitFor();
	assert.equal((await stage.ask("command", { name: "status" })).muted, true);
	assert.ok(await page.getByRole("button", { name: "Talk" }).isDisabled());
	await page.getByRole("button", { name: "Unmute" }).click();
	await page.getByText("Ready", { exact: true }).waitFor();
});

test("a question in writing is answered, and both sides stand in the conversation as text", async () => {
	const { page, complaints } = await openPaired(browser, stage);
	await page.getByText("Ready", { exact: true }).waitFor();
	const asked = '<img src=x onerror="alert(1)"> how are you?';
	await page.getByLabel(/Ask in writing/).fill(asked);
	await page.keyboard.press("Enter");
	await page.locator(".line.user").getByText(asked).waitFor();
	await page.locator(".line.model").first().waitFor();
	assert.equal(await page.locator(".log img").count(), 0);
	assert.deepEqual(complaints, []);
});

test("turns stand in the history with their times, and can be had as a file", async () => {
	const { page } = await openPaired(browser, stage);
	await go(page, "history");
	await page.locator(".turns li").first().waitFor();
	assert.ok((await page.locator(".timeline").count()) > 0);
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as CSV" }).click()]);
	assert.equal(download.suggestedFilename(), "conure-turns.csv");
});

test("timers are set, counted down and cancelled", async () => {
	const { page } = await openPaired(browser, stage);
	await go(page, "timers");
	await page.getByText("Nothing is waiting").waitFor();
	await page.getByRole("button", { name: "5 min" }).click();
	await page.getByLabel("Name (optional)").first().fill("tea");
	await page.getByRole("button", { name: "Start" }).click();
	await page.getByText(/^4:5\d$/).waitFor();
	await page.getByRole("button", { name: "Cancel tea" }).click();
	await page.getByText("Nothing is waiting").waitFor();
});

test("a mistake in a form is told in a sentence, and nothing that was typed is lost", async () => {
	const { page } = await openPaired(browser, stage);
	await go(page, "timers");
	await page.getByLabel("For how long").fill("soon");
	await page.getByRole("button", { name: "Start" }).click();
	await page.locator("conure-timers .notice").waitFor();
	assert.equal(await page.getByLabel("For how long").inputValue(), "soon");
});

test("a speaker that goes away is told, and the page is live again when it is back", async () => {
	const { page } = await openPaired(browser, stage);
	await page.getByText("Ready", { exact: true }).waitFor();
	const back = stage.ask("restart");
	await page.getByText(/The speaker is away/).waitFor();
	await back;
	await page.getByText("Ready", { exact: true }).waitFor({ timeout: 8000 });
	assert.equal(await page.getByText(/The speaker is away/).count(), 0);
});

test("two tabs share one stream, and a hidden tab has none", async () => {
	const { page, context } = await openPaired(browser, stage);
	await page.getByText("Ready", { exact: true }).waitFor();
	const other = await context.newPage();
	const streams = [];
	other.on("request", (request) => request.url().endsWith("/api/events") && streams.push(request));
	await other.goto(`${stage.address}/#now`);
	await other.getByText("Ready", { exact: true }).waitFor();
	assert.equal(streams.length, 0, "the first tab tells it");
	const hide = (tab, state) => tab.evaluate((value) => {
		Object.defineProperty(document, "visibilityState", { value, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
	}, state);
	await hide(page, "hidden");
	await other.waitForRequest((request) => request.url().endsWith("/api/events")).catch(() => {});
	await stage.ask("command", { name: "volume", args: { percent: 41 } });
	await other.getByText("41 %").waitFor();
	assert.equal(await page.getByText("41 %").count(), 0);
	await hide(page, "visible");
	await page.getByText("41 %").waitFor();
});

test("settings are searched and checked, each mistake is told at its key, and what is the file's is not offered", async () => {
	const { page } = await openPaired(browser, stage);
	await go(page, "settings");
	await page.getByRole("searchbox").fill("volume");
	const field = page.locator("[id='sound.volume']");
	await field.fill("400");
	await field.press("Tab");
	await page.getByText("1 change").waitFor();
	await page.getByRole("button", { name: "Check" }).click();
	await page.locator(".key .wrong:visible").getByText(/from 0 to 100/).waitFor();
	await field.fill("41");
	await field.press("Tab");
	await page.getByRole("button", { name: "Check" }).click();
	await page.getByText("These changes are all right.").waitFor();
	await page.getByRole("button", { name: "Undo" }).click();
	assert.equal(await page.getByText("1 change").isVisible(), false);
	await page.getByRole("searchbox").fill("base_url");
	assert.ok(await page.locator("[id='live.base_url']").isDisabled());
});

test("the doctor looks and tells what helps", async () => {
	const { page } = await openPaired(browser, stage);
	await go(page, "health");
	await page.getByRole("button", { name: "Examine" }).click();
	await page.locator(".findings li").first().waitFor({ timeout: 100_000 });
	assert.ok((await page.locator(".findings li").count()) > 10);
});

test("the newest log lines are shown, the newest first", async () => {
	const { page } = await openPaired(browser, stage);
	await go(page, "health");
	await page.getByRole("button", { name: "Show" }).click();
	await page.locator(".lines li").first().waitFor();
	assert.ok(await page.locator(".lines").getByText(/ready: board simulated|->/).count());
});

test("the sound check listens for some seconds, and says how well it hears", { timeout: 60_000 }, async () => {
	const { page } = await openPaired(browser, stage);
	await go(page, "health");
	await page.getByRole("button", { name: "Check the sound" }).click();
	await page.getByText(/Say a sentence: \d s/).waitFor();
	assert.notEqual((await stage.ask("command", { name: "status" })).state, "idle");
	await page.getByText("Did you hear the tone?").waitFor({ timeout: 15_000 });
	assert.ok((await page.locator("conure-sound-check").innerText()).includes("dBFS"));
	await page.getByRole("button", { name: "No", exact: true }).click();
	await page.getByText("The tone was not heard.").waitFor();
	for (let tries = 0; tries < 50 && (await stage.ask("command", { name: "status" })).state !== "idle"; tries++) await page.waitForTimeout(100);
	assert.equal((await stage.ask("command", { name: "status" })).state, "idle");
});

test("days stand side by side once there are two of them", async () => {
	const days = [["2026-11-27", 400, 30], ["2026-11-29", 700, 90], ["2026-11-30", 500, 60]].map(([day, median_ms, sent_s]) => ({ day, median_ms, p90_ms: 900, turns: 4, sent_s, received_s: 30, prompt_tokens: 1, response_tokens: 1 }));
	const { page } = await openPaired(browser, stage, {}, (loading) => loading.route("**/api/days", (route) => route.fulfill({ json: { days } })));
	await go(page, "history");
	await page.getByRole("heading", { name: "Day by day" }).waitFor();
	assert.equal(await page.locator("figure").last().locator("rect").count(), 4, "the day without a turn has its place");
	await go(page, "health");
	await page.getByText(/Minutes of sound on each day; 2.0 at most/).waitFor();
});
