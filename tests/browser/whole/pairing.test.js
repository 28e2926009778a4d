import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { SHOTS, openBrowser, openPaired, openStage, openVisitor } from "./theatre.js";

let stage, browser;
before(async () => ([stage, browser] = await Promise.all([openStage(), openBrowser()])));
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
	await browser?.close();
	await stage?.close();
});

test("a browser that is not paired sees the way in, and nothing of the speaker", async () => {
	const { page } = await openVisitor(browser);
	const asked = [];
	page.on("request", (request) => asked.push(new URL(request.url()).pathname));
	await page.goto(`${stage.address}/`);
	await page.getByRole("heading", { name: "Meet your speaker" }).waitFor();
	assert.deepEqual(asked.filter((path) => path.startsWith("/api/")), ["/api/me"]);
	assert.equal(await page.getByRole("navigation").isVisible(), false);
});

test("a wrong code is refused with what helps, the right one lets in for good", async () => {
	const { page } = await openVisitor(browser);
	await page.goto(`${stage.address}/`);
	const field = page.getByLabel("Pairing code");
	await field.fill("aaaabbbb");
	assert.equal(await field.inputValue(), "AAAA-BBBB");
	await page.getByRole("button", { name: "Pair this browser" }).click();
	assert.match(await page.getByRole("alert").first().innerText(), /\w+\.\s+\w+/);
	const { code } = await stage.ask("pair");
	await field.fill(code.toLowerCase());
	await field.press("Enter");
	await page.locator("conure-now").waitFor();
	await page.reload();
	await page.getByText("Ready", { exact: true }).waitFor();
});

test("a code that is too short is not sent", async () => {
	const { page } = await openVisitor(browser);
	await page.goto(`${stage.address}/`);
	await page.getByLabel("Pairing code").fill("ABC");
	await page.getByRole("button", { name: "Pair this browser" }).click();
	assert.match(await page.getByRole("alert").first().innerText(), /8 letters/);
});

test("the link of a QR code lets in, and the code does not stay in the address", async () => {
	const { page, complaints } = await openPaired(browser, stage);
	assert.ok(!page.url().includes("pair"));
	await page.getByText("Ready", { exact: true }).waitFor();
	assert.deepEqual(complaints, []);
});

test("a browser that is revoked has to pair again, at once", async () => {
	const [one, other] = [await openPaired(browser, stage), await openPaired(browser, stage)];
	await other.page.getByText("Ready", { exact: true }).waitFor();
	one.page.on("dialog", (dialog) => dialog.accept());
	await one.page.goto(`${stage.address}/#health`);
	await one.page.locator(".devices li").filter({ hasNotText: "this browser" }).last().getByRole("button", { name: /Revoke/ }).click();
	await other.page.getByRole("heading", { name: "Meet your speaker" }).waitFor();
});

test("a paired browser makes a code for another", async () => {
	const { page } = await openPaired(browser, stage);
	await page.goto(`${stage.address}/#health`);
	await page.getByRole("button", { name: "Pair another" }).click();
	const code = await page.locator(".pin").innerText();
	assert.ok((await page.locator(".qr").evaluate((image) => image.decode().then(() => image.naturalWidth))) > 100);
	const other = await openVisitor(browser);
	await other.page.goto(`${stage.address}/#pair=${code}`);
	await other.page.locator("conure-now").waitFor();
});

test("a press of the speaker's button lets in, once its light has asked for it", async () => {
	const { page } = await openVisitor(browser);
	await page.goto(`${stage.address}/`);
	await page.getByRole("button", { name: "Pair by the button" }).click();
	await page.getByText(/Press the speaker's button now/).waitFor();
	assert.match(await page.locator(".pin").innerText(), /^\d\d$/);
	await page.waitForTimeout(1500); // in its first second a press was meant for talking
	assert.equal((await stage.ask("command", { name: "status" })).light, "pairing");
	await stage.ask("press");
	await page.locator("conure-now").waitFor();
	assert.equal((await stage.ask("command", { name: "status" })).state, "idle", "the press has opened no microphone");
});

test("a guest's code lets in for talking alone, and the light is drawn for a guest too", async () => {
	const { page } = await openPaired(browser, stage);
	await page.goto(`${stage.address}/#health`);
	await page.getByRole("button", { name: "Pair a guest" }).click();
	await page.getByText(/A guest may talk, and nothing else/).waitFor();
	const code = await page.locator(".pin").innerText();
	const guest = await openVisitor(browser);
	await guest.page.goto(`${stage.address}/#pair=${code}`);
	await guest.page.locator("conure-talk").waitFor();
	assert.deepEqual(await guest.page.locator("nav a").allInnerTexts(), ["Talk"]);
	assert.match(await guest.page.locator("conure-light svg").getAttribute("aria-label"), /^The light is (?!not known)/);
	assert.deepEqual(guest.complaints, []);
	await page.reload();
	await page.getByText(/a guest until/).waitFor();
});

test("where no speaker answers, set-up comes first, and leads on when it does", async () => {
	await stage.ask("stop_speaker");
	const { page } = await openVisitor(browser);
	const { code } = await stage.ask("pair");
	await page.goto(`${stage.address}/#pair=${code}`);
	await page.getByRole("heading", { name: "Set-up", level: 1 }).waitFor();
	await page.locator("conure-set-up .tag, conure-set-up .notice").first().waitFor({ timeout: 100_000 });
	await page.screenshot({ path: join(SHOTS, "set-up-1280-light.png"), fullPage: true });
	assert.equal(await page.locator("conure-set-up .notice").count(), 0);
	await stage.ask("restart");
	await page.getByRole("heading", { name: "The speaker answers" }).waitFor();
	await page.getByRole("link", { name: "Go on to Now" }).click();
	await page.locator("conure-now").waitFor();
	assert.equal(await page.getByRole("link", { name: "Set-up" }).count(), 0);
});
