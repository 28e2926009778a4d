import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { openBrowser, openPaired, openStage } from "./theatre.js";

let stage, browser;
before(async () => ([stage, browser] = await Promise.all([openStage(), openBrowser()])));
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
	await browser?.close();
	await stage?.close();
});

/** Press Tab until what has the focus is called so; fails after going round. */
async function tabTo(page, name) {
	for (let press = 0; press < 60; press++) {
		await page.keyboard.press("Tab");
		const focused = await page.evaluate(() => (document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").trim());
		if (focused === name) return;
	}
	assert.fail(`no way to ${name}`);
}

test("everything is reached and used without a mouse", async () => {
	const { page } = await openPaired(browser, stage);
	await page.getByText("Ready", { exact: true }).waitFor();
	await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());

	await tabTo(page, "Skip to the content");
	await page.keyboard.press("Enter");
	assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");

	await tabTo(page, "Mute");
	await page.keyboard.press("Space");
	await page.getByText("Muted", { exact: true }).waitFor();
	assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Unmute", "the focus stays");
	await page.keyboard.press("Space");
	await page.getByText("Ready", { exact: true }).waitFor();

	await tabTo(page, "Volume in percent");
	const before_ = (await stage.ask("command", { name: "status" })).volume;
	await page.keyboard.press("ArrowRight");
	await page.getByText(`${before_ + 1} %`).waitFor();

	await tabTo(page, "Timers");
	await page.keyboard.press("Enter");
	await page.locator("conure-timers").waitFor();
	assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Timers", "the heading has the focus");
	await tabTo(page, "10 min");
	await page.keyboard.press("Enter");
	await tabTo(page, "Start");
	await page.keyboard.press("Enter");
	await page.getByText(/^9:5\d$/).waitFor();
});

test("the focus can be seen", async () => {
	const { page } = await openPaired(browser, stage);
	await page.getByText("Ready", { exact: true }).waitFor();
	await tabTo(page, "Talk");
	const outline = await page.evaluate(() => getComputedStyle(/** @type {Element} */ (document.activeElement)).outlineWidth);
	assert.equal(outline, "2px");
});

test("what is pressed often is large enough for a thumb", async () => {
	const { page } = await openPaired(browser, stage, { viewport: { width: 320, height: 720 } });
	await page.getByText("Ready", { exact: true }).waitFor();
	for (const name of ["Talk", "Stop", "Mute"]) {
		const box = await page.getByRole("button", { name, exact: true }).boundingBox();
		assert.ok(box.height >= 44 && box.width >= 44, `${name}: ${box.width} × ${box.height}`);
	}
});
