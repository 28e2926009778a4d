// What the page asks of the root helper, and what became of it: settings, the API key, a new start.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { go, openBrowser, openPaired, openStage } from "./theatre.js";

const GOOD_KEY = "AIzaSyT3st-Another_Real-Key-0123456789abcde";
const BAD_KEY = "AIzaSyT3st-That_Is_Refused-0123456789abcdef";
const START_MS = 40_000; // a speaker starts twice where it goes back

let stage, browser;
before(async () => ([stage, browser] = await Promise.all([openStage(), openBrowser()])));
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
	await browser?.close();
	await stage?.close();
});

async function changeVolume(page, percent) {
	await go(page, "settings");
	await page.getByRole("searchbox").fill("sound.volume");
	const field = page.locator("[id='sound.volume']");
	await field.fill(String(percent));
	await field.press("Tab");
	await page.getByRole("button", { name: "Apply" }).click();
}

test("a setting is applied, and the speaker runs with it", async () => {
	const { page } = await openPaired(browser, stage);
	await changeVolume(page, 33);
	await page.getByText("applied; the speaker runs with it").waitFor({ timeout: START_MS });
	assert.equal((await stage.ask("command", { name: "status" })).volume, 33);
	await page.locator(".key", { hasText: "by file" }).first().waitFor({ state: "attached" });
});

test("settings with which the speaker does not start are taken back, and the page says so", async () => {
	const { page } = await openPaired(browser, stage);
	await stage.ask("next_starts", { fail: 1 });
	await changeVolume(page, 44);
	await page.getByText(/did not start with these settings; the ones before are in force again/).waitFor({ timeout: START_MS });
	assert.equal((await stage.ask("command", { name: "status" })).volume, 33);
	assert.ok(await page.getByText("1 change").isVisible(), "what was typed is not lost");
});

async function giveKey(page, key) {
	await go(page, "settings");
	await page.locator("summary", { hasText: "API key" }).click();
	await page.getByLabel("New key").fill(key);
	await page.getByRole("button", { name: "Test and keep" }).click();
}

test("the key of a speaker that runs is changed, after it was tried with the service", async () => {
	const { page } = await openPaired(browser, stage);
	await giveKey(page, GOOD_KEY);
	await page.getByText("Applied; the speaker runs with it").waitFor({ timeout: START_MS });
	assert.equal((await stage.ask("kept_key")).key, GOOD_KEY);
	assert.equal(await page.getByLabel("New key").inputValue(), "", "it is shown no more");
});

test("a key that the service refuses is not kept, and what helps is said", async () => {
	const { page } = await openPaired(browser, stage);
	await giveKey(page, BAD_KEY);
	await page.locator("form .notice").waitFor({ timeout: START_MS });
	assert.match(await page.locator("form .notice").innerText(), /Paste the whole key/);
	assert.equal((await stage.ask("kept_key")).key, GOOD_KEY);
});

test("what has not the form of a key is not sent to the service", async () => {
	const { page } = await openPaired(browser, stage);
	await giveKey(page, "two words");
	await page.locator("form .notice").waitFor();
	assert.equal((await stage.ask("kept_key")).key, GOOD_KEY);
});

test("a key with which the speaker does not start is taken back", async () => {
	const { page } = await openPaired(browser, stage);
	await stage.ask("next_starts", { fail: 1 });
	await giveKey(page, GOOD_KEY.replace("Another", "Yet_One"));
	await page.getByText(/did not start with this key; the one before is in force again/).waitFor({ timeout: START_MS });
	assert.equal((await stage.ask("kept_key")).key, GOOD_KEY);
});

test("in Set-up the key is given where no speaker answers, and the way leads on to the sound check", async () => {
	const { page } = await openPaired(browser, stage);
	await stage.ask("stop_speaker");
	await page.getByText(/The speaker is away/).waitFor();
	await page.goto("about:blank");
	await page.goto(`${stage.address}/#set-up`);
	await page.getByRole("heading", { name: "Set-up", level: 1 }).waitFor();
	await page.getByText("Its name:").waitFor();
	await page.waitForTimeout(3500); // who has only passed by is led on to Now
	await page.getByLabel("New key").fill(GOOD_KEY);
	await page.getByRole("button", { name: "Test and keep" }).click();
	await page.getByText("Applied; the speaker runs with it").waitFor({ timeout: START_MS });
	await page.getByRole("heading", { name: "The speaker answers" }).waitFor();
	await page.getByRole("button", { name: "Check the sound" }).waitFor();
	await page.getByRole("link", { name: "Go on to Now" }).click();
	await page.locator("conure-now").waitFor();
});

test("the speaker is started anew", async () => {
	const { page } = await openPaired(browser, stage);
	page.on("dialog", (dialog) => dialog.accept());
	await go(page, "health");
	await page.getByRole("button", { name: "Restart" }).click();
	await page.getByText("The speaker has started anew").waitFor({ timeout: START_MS });
	assert.ok((await stage.ask("command", { name: "status" })).up_s < 30);
});

test("a new start that fails is told, with where to look", async () => {
	const { page } = await openPaired(browser, stage);
	page.on("dialog", (dialog) => dialog.accept());
	await stage.ask("next_starts", { fail: 1 });
	await go(page, "health");
	await page.getByRole("button", { name: "Restart" }).click();
	await page.locator("conure-health .notice", { hasText: "did not start" }).waitFor({ timeout: START_MS });
});
