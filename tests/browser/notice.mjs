// Reads the notice page as a visitor does: Debian's Chromium, headless, meets it under the blocked name.
//
//   NOTICE_URL=http://127.0.0.1:8451 [NOTICE_NAME=kiwifarms.net] [NOTICE_SHOTS=folder] [CHROMIUM=/usr/bin/chromium] node notice.mjs
//
// The server must be running and block NOTICE_NAME by a demonstration decision. Nothing but NOTICE_URL is contacted:
// every other name and address is mapped to nowhere. Prints one line a check; the first that fails ends the run with 1.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const server = new URL(process.env.NOTICE_URL ?? 'http://127.0.0.1:8451');
const name = process.env.NOTICE_NAME ?? 'kiwifarms.net';
const shots = process.env.NOTICE_SHOTS;
const languages = ['en', 'ar', 'de', 'es', 'fr', 'hi', 'pt', 'ru', 'sw', 'zh'];
const phone = { width: 320, height: 640 };
const desktop = { width: 1200, height: 900 };

if (shots) mkdirSync(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromiumSandbox: process.getuid() !== 0,  // Chromium's sandbox refuses to run as root
  args: [`--host-resolver-rules=MAP ${name} ${server.host}, MAP * ~NOTFOUND, EXCLUDE ${server.hostname.replace(/[[\]]/g, '')}`, '--no-first-run'],
});

/** A visitor with that language and screen, and a list of all that their browser asked for. */
async function visitor({ locale = 'en', viewport = desktop, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ locale, viewport, colorScheme });
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  context.on('request', (request) => seen.requests.push(request.url()));
  page.on('console', (message) => seen.complaints.push(message.text()));
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  const response = await page.goto(`http://${name}/threads/some-page?page=2`);
  return { context, page, response, seen };
}

async function shoot(page, title) {
  if (shots) await page.screenshot({ path: join(shots, `${title}.png`), fullPage: true });
}

async function check(what, run) {
  await run();
  console.log(`ok - ${what}`);
}

/** The lowest contrast (WCAG 2.2, 1.4.3) between a text and what is painted behind it. */
function lowestContrast() {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  let lowest = { ratio: 21, text: '' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    if (!text) continue;
    const element = walker.currentNode.parentElement;
    const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(background(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < lowest.ratio) lowest = { ratio, text };
  }
  return lowest;
}

try {
  await check('an English visitor is told what is blocked, by whom, why, until when and how to appeal', async () => {
    const { context, page, response, seen } = await visitor({ locale: 'en-GB' });
    assert.equal(response.status(), 451);
    assert.match(await response.headerValue('link') ?? '', /rel="?blocked-by"?/);
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    assert.equal(await page.locator('html').getAttribute('dir'), 'ltr');
    assert.equal(await page.title(), `${name} is blocked here`);
    for (const heading of ['The decision', 'Why', 'How to appeal', 'On record', 'Who runs this service']) {
      await page.getByRole('heading', { level: 2, name: heading, exact: true }).waitFor();
    }
    const terms = await page.locator('dt').allTextContents();
    for (const term of ['Who decided', 'Kind of decision', 'What is blocked', 'In force since', 'Ends', 'Decision number']) {
      assert.ok(terms.includes(term), `"${term}" is among ${terms}`);
    }
    for (const value of await page.locator('dd').allTextContents()) assert.notEqual(value.trim(), '');
    assert.match(await page.getByRole('note').innerText(), /^Demonstration/);
    assert.ok(await page.locator('time[datetime]').count() >= 2);
    await shoot(page, 'english-desktop-light');

    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.locator('script, link, img, iframe, object, embed, form').count(), 0);
    for (const url of seen.requests) assert.equal(new URL(url).hostname, name, `a request left for ${url}`);
    const complaints = seen.complaints.filter((text) => !/status of 451/.test(text));
    assert.deepEqual(complaints, []);
    await context.close();
  });

  await check('a screen reader meets landmarks, one main heading, and names on everything', async () => {
    const { context, page } = await visitor();
    const tree = await page.locator('body').ariaSnapshot();
    for (const line of ['- banner:', '- navigation "Languages":', '- main:', `- heading "${name} is blocked here" [level=1]`, '- contentinfo:']) {
      assert.ok(tree.includes(line), `${line} is in\n${tree}`);
    }
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
    assert.equal(await page.getByRole('main').count(), 1);
    for (const region of await page.getByRole('region').all()) assert.ok(await region.getAttribute('aria-labelledby'));
    for (const link of await page.getByRole('link').all()) assert.notEqual((await link.innerText()).trim(), '');
    assert.equal(await page.getByRole('navigation').getByRole('link').count(), languages.length);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'English');
    await context.close();
  });

  await check('a click on the switch leads to Arabic, right to left, on the same address', async () => {
    const { context, page } = await visitor();
    await page.getByRole('link', { name: 'العربية' }).click();
    await page.waitForURL(/\?lang=ar$/);
    assert.equal(new URL(page.url()).pathname, '/threads/some-page');
    assert.equal(await page.locator('html').getAttribute('lang'), 'ar');
    assert.equal(await page.locator('html').getAttribute('dir'), 'rtl');
    await page.getByRole('heading', { level: 1, name: `${name} محجوب هنا` }).waitFor();
    await page.getByRole('heading', { level: 2, name: 'كيف تعترض على القرار' }).waitFor();
    const term = await page.locator('dt').first().boundingBox();
    const value = await page.locator('dd').first().boundingBox();
    assert.ok(term.x > value.x, 'terms stand to the right of their values');
    await shoot(page, 'arabic-desktop-light');
    await context.close();
  });

  await check('an Arabic visitor is met in Arabic and can switch to English', async () => {
    const { context, page } = await visitor({ locale: 'ar-EG', viewport: phone });
    assert.equal(await page.locator('html').getAttribute('dir'), 'rtl');
    await shoot(page, 'arabic-phone-light');
    await page.getByRole('link', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: `${name} is blocked here` }).waitFor();
    await context.close();
  });

  await check('dark mode is dark, and text keeps its contrast in both', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const { context, page } = await visitor({ colorScheme });
      const paper = await page.locator('.notice').evaluate((element) => getComputedStyle(element).backgroundColor);
      const brightness = Math.max(...paper.match(/\d+/g).map(Number));
      assert.ok(colorScheme === 'dark' ? brightness < 64 : brightness > 192, `${colorScheme}: ${paper}`);
      const lowest = await page.evaluate(lowestContrast);
      assert.ok(lowest.ratio >= 4.5, `${colorScheme}: "${lowest.text}" has ${lowest.ratio.toFixed(2)}`);
      if (colorScheme === 'dark') await shoot(page, 'english-desktop-dark');
      await context.close();
    }
  });

  await check('every language fits a phone of 320 pixels without scrolling sideways', async () => {
    for (const locale of languages) {
      const { context, page } = await visitor({ locale, viewport: phone, colorScheme: locale === 'zh' ? 'dark' : 'light' });
      assert.equal(await page.locator('html').getAttribute('lang'), locale);
      const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
      assert.ok(width <= phone.width, `${locale}: ${width} pixels wide`);
      await shoot(page, `${locale}-phone`);
      await context.close();
    }
  });

  await check('what is not blocked gets an honest 404', async () => {
    const page = await browser.newPage();
    const response = await page.goto(server.href);
    assert.equal(response.status(), 404);
    await page.getByRole('heading', { level: 1, name: 'This server explains blocked names' }).waitFor();
    await shoot(page, 'not-blocked');
    await page.close();
  });
} catch (error) {
  console.error(`not ok - ${error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
