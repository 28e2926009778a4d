import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { SHOTS, VIEWS, go, openBrowser, openPaired, openStage, openVisitor } from "./theatre.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const WIDTHS = { 320: 720, 768: 1024, 1280: 860 };
const SCHEMES = ["light", "dark"];

let stage, browser;
before(async () => {
	[stage, browser] = await Promise.all([openStage(), openBrowser()]);
	await stage.ask("command", { name: "say", args: { text: "Tell me about parrots." } });
	await stage.ask("command", { name: "timers", args: { action: "add", duration: "25m", name: "bread" } });
	await stage.ask("command", { name: "timers", args: { action: "alarm", at: "06:30", name: "", weekdays: "weekdays", day: "" } });
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
	await browser?.close();
	await stage?.close();
});

/** A picture, and then what is wrong with what it shows. */
async function examine(page, name) {
	await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	assert.ok(wide <= 0, `${name} is ${wide} px too wide`);
	await page.evaluate(AXE);
	const { violations, passes } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), RULES);
	assert.ok(passes.length > 15, `${name}: axe has looked at too little`);
	assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} (${failureSummary})`).join("; ")}`), [], name);
}

/** What a view shows when it is used. */
const USED = {
	async settings(page) {
		const first = page.locator("summary").first();
		if (await first.count()) await first.click();
		await page.locator("summary", { hasText: "API key" }).click();
	},
	async health(page) {
		await page.getByRole("button", { name: "Pair another" }).click();
		await page.locator(".pin").waitFor();
		await page.getByRole("button", { name: "Show" }).click();
		await page.locator(".lines li").first().waitFor();
	},
	async history(page) {
		await page.locator(".turns li").first().waitFor();
	},
	async timers(page) {
		await page.locator(".timers li").first().waitFor();
	},
};

/** A month of use, which no test can wait for. */
const DAYS = Array.from({ length: 31 }, (_, at) => ({ day: new Date(Date.UTC(2026, 9, 31 + at)).toISOString().slice(0, 10), turns: at % 7, median_ms: at % 7 ? 500 + 37 * ((at * 13) % 17) : null, p90_ms: 1400, sent_s: 60 * ((at * 5) % 11), received_s: 40 }));

for (const [width, height] of Object.entries(WIDTHS)) {
	for (const colorScheme of SCHEMES) {
		const options = { viewport: { width: Number(width), height }, colorScheme, reducedMotion: width === "768" ? "reduce" : "no-preference" };

		test(`every view, ${width} px wide, ${colorScheme}`, async () => {
			const { page, complaints } = await openPaired(browser, stage, options, (loading) => loading.route("**/api/days", (route) => route.fulfill({ json: { days: DAYS } })));
			await page.locator(".line.model").first().waitFor({ timeout: 5000 }).catch(() => {});
			for (const view of VIEWS) {
				await go(page, view);
				await USED[view]?.(page);
				await page.waitForTimeout(300); // a moment for what is fetched
				await examine(page, `${view}-${width}-${colorScheme}`);
			}
			assert.deepEqual(complaints.filter((text) => !text.includes("404")), []);
		});

		test(`the way in, ${width} px wide, ${colorScheme}`, async () => {
			const { page } = await openVisitor(browser, options);
			await page.goto(`${stage.address}/`);
			await page.getByRole("heading", { name: "Meet your speaker" }).waitFor();
			await examine(page, `welcome-${width}-${colorScheme}`);
		});
	}
}

test("everything can be read at twice the size", async () => {
	const { page } = await openPaired(browser, stage, { viewport: { width: 640, height: 512 } });
	for (const view of VIEWS) {
		await go(page, view);
		await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
		const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		assert.ok(wide <= 0, `${view} is ${wide} px too wide`);
	}
});

test("with less motion wanted nothing moves", async () => {
	const { page } = await openPaired(browser, stage, { reducedMotion: "reduce" });
	const frames = await page.evaluate(() => new Promise((resolve) => {
		let count = 0;
		new MutationObserver(() => count++).observe(document.querySelector("conure-light"), { subtree: true, attributes: true, attributeFilter: ["style"] });
		setTimeout(() => resolve(count), 700);
	}));
	assert.ok(frames < 60, `${frames} changes`);
});

test("Set-up, in each width and scheme", { timeout: 200_000 }, async () => {
	await stage.ask("stop_speaker");
	let json = null; // what the doctor found at first: it wants a pause between two examinations
	for (const [width, height] of Object.entries(WIDTHS)) {
		for (const colorScheme of SCHEMES) {
			const { page, context } = await openVisitor(browser, { viewport: { width: Number(width), height }, colorScheme });
			if (json) await page.route("**/api/doctor", (route) => route.fulfill({ json }));
			const { code } = await stage.ask("pair");
			const examined = page.waitForResponse((answer) => answer.url().endsWith("/api/doctor"), { timeout: 100_000 });
			await page.goto(`${stage.address}/#pair=${code}`);
			json = await (await examined).json();
			await page.getByText("Its name:").waitFor();
			await page.locator("conure-set-up .tag").first().waitFor();
			await examine(page, `set-up-${width}-${colorScheme}`);
			await context.close();
		}
	}
});
