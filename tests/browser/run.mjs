// The admin in a real browser: headless Chromium against a station that judges the demo pictures.
//
//   node tests/browser/run.mjs --assay PATH --config STATION.toml --labels STATION.toml --screenshots DIR [--chromium PATH] [--only WORD]
//
// --only: tests with that in their name. Prints one line per test and, last, "N passed, N failed". Exit code 1 when one failed.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { accessTests } from './access.mjs';
import { deployTests } from './deploy.mjs';
import { driftTests } from './drift.mjs';
import { heatTests } from './heat.mjs';
import { labelsTests } from './labels.mjs';
import { overviewsTests } from './overviews.mjs';
import { pagesTests } from './pages.mjs';
import { recordsTests } from './records.mjs';
import { reportsTests } from './reports.mjs';
import { weightTests } from './weight.mjs';

const { values: options } = parseArgs({
  options: {
    assay: { type: 'string' },
    config: { type: 'string' },
    labels: { type: 'string' },
    screenshots: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    only: { type: 'string', default: '' },
  },
});
for (const name of ['assay', 'config', 'labels', 'screenshots']) {
  if (!options[name]) {
    console.error(`--${name} is missing`);
    process.exit(2);
  }
}
mkdirSync(options.screenshots, { recursive: true });

const START_LIMIT_MS = 60_000;
const WAIT_LIMIT_MS = 30_000;

/** Starts the station on a free port and gives its process, its address and the set-up secret that it printed. */
function startStation(config) {
  const args = ['run', '--config', config, '--bind', '127.0.0.1:0'];
  const child = spawn(options.assay, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let text = '';
    const limit = setTimeout(() => reject(new Error(`no address within ${START_LIMIT_MS} ms:\n${text}`)), START_LIMIT_MS);
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const found = text.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found) {
        clearTimeout(limit);
        resolve({ child, address: found[0], secret: text.match(/set-up secret (\S+)/)?.[1] });
      }
    });
    child.once('exit', (code) => reject(new Error(`the station ended with ${code} before it gave an address:\n${text}`)));
  });
}

/** Ends the station as Ctrl-C does and gives its exit code. */
function stopStation(child) {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', (code) => resolve(code));
    child.kill('SIGINT');
  });
}

const tests = [];
const test = (name, body) => {
  if (name.includes(options.only)) tests.push({ name, body });
};

function equal(found, expected, what) {
  if (found !== expected) throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}
function holds(condition, what) {
  if (!condition) throw new Error(what);
}

const { child, address, secret } = await startStation(options.config);
const browser = await chromium.launch({ executablePath: options.chromium, args: ['--no-sandbox', '--disable-gpu'] });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
const noise = [];
const foreign = [];

async function open(path, in_ = context, at = address) {
  const page = await in_.newPage();
  page.setDefaultTimeout(WAIT_LIMIT_MS);
  page.on('console', (message) => {
    if (message.type() === 'error') noise.push(`${path}: ${message.text()}`);
  });
  page.on('pageerror', (error) => noise.push(`${path}: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.hostname !== '127.0.0.1') foreign.push(request.url());
  });
  const answer = await page.goto(at + path, { waitUntil: 'load' });
  return { page, answer };
}
const shot = (page, name) => page.screenshot({ path: join(options.screenshots, `${name}.png`), fullPage: true });

test('the live counter moves by itself', async () => {
  const { page } = await open('/');
  const read = async () => Number(await page.locator('#count-total').textContent());
  const before = await read();
  await page.waitForFunction((old) => Number(document.querySelector('#count-total')?.textContent) > old, before);
  holds((await read()) > before, 'the counter grew');
  await page.locator('.big .word').first().waitFor();
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  await shot(page, 'live');
  await page.close();
});

test('the live page is readable on a phone and in the dark', async () => {
  const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  const { page } = await open('/', phone);
  await page.locator('.big .word').first().waitFor();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  holds(overflow <= 0, `nothing is wider than the screen (${overflow} px)`);
  await shot(page, 'live-phone-dark');
  await phone.close();
});

test('the list filters by verdict', async () => {
  const { page } = await open('/inspections');
  await page.locator('table.list tbody tr').first().waitFor();
  await shot(page, 'inspections');
  await page.selectOption('select[name=verdict]', 'pass');
  await page.locator('form.filter button[type=submit]').click();
  await page.waitForURL(/verdict=pass/);
  const words = await page.locator('table.list tbody .badge').allTextContents();
  holds(words.length > 0, 'some rows are left');
  holds(words.every((word) => word.includes('PASS')), `all rows passed: ${[...new Set(words)]}`);
  await page.close();
});

test('a filter that matches nothing says so', async () => {
  const { page } = await open('/inspections?label=no-such-label');
  await page.locator('.empty').waitFor();
  equal(await page.locator('table.list').count(), 0, 'rows');
  await page.close();
});

test('older pages show other frames', async () => {
  const { page } = await open('/inspections');
  await page.waitForFunction(() => document.querySelector('a[rel=next]') !== null || document.querySelectorAll('table.list tbody tr').length < 50);
  const first = await page.locator('table.list tbody tr td:last-child').first().textContent();
  const next = page.locator('a[rel=next]');
  if (await next.count()) {
    await next.click();
    const then = await page.locator('table.list tbody tr td:last-child').first().textContent();
    holds(first !== then, 'the next page starts with another frame');
  }
  await page.close();
});

test('the detail page explains a verdict', async () => {
  const { page } = await open('/inspections?verdict=pass');
  await page.locator('table.list tbody tr td:last-child a').first().click();
  await page.locator('.big .word').waitFor();
  const text = await page.locator('main').textContent();
  for (const word of ['letterbox', 'adv-squeeze', 'image-quality', 'Row hash', 'Device']) holds(text.includes(word), `the page names ${word}`);
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  await shot(page, 'detail');
  await page.close();
});

test('the drift page draws its charts', async () => {
  const { page } = await open('/drift');
  const deadline = Date.now() + WAIT_LIMIT_MS;
  while ((await page.locator('.chart[data-series]').count()) === 0 && Date.now() < deadline) await page.reload();
  await page.locator('.chart[data-drawn=true] canvas').first().waitFor();
  await shot(page, 'drift');
  await page.close();
});

test('plugins and models show digests and signers', async () => {
  const { page } = await open('/plugins');
  const text = await page.locator('main').textContent();
  for (const word of ['letterbox', 'adv-squeeze', 'image-quality', 'drift-input', 'surface', 'Signed by']) holds(text.includes(word), `the page names ${word}`);
  holds(/[0-9a-f]{64}/.test(text), 'the page shows a digest');
  await shot(page, 'plugins');
  await page.locator('main a[href="/plugins/adv-squeeze"]').click();
  await page.waitForURL('**/plugins/adv-squeeze');
  const plugin = await page.locator('main').textContent();
  for (const word of ['Asked by its manifest', 'Granted by the recipe', 'inference:surface', 'In effect', 'Most used', 'MiB', 'assay:plugin@']) holds(plugin.includes(word), `the page of a plugin has ${word}`);
  await shot(page, 'plugin-detail');
  await page.goto(address + '/model');
  const model = await page.locator('main').textContent();
  for (const word of ['ONNX', '[3, 224, 224]', 'Report card', 'parameters', 'wilson95', 'Gates']) holds(model.includes(word), `the page of the model has ${word}`);
  await page.locator('main details summary').first().click();
  await shot(page, 'model');
  const recipe = await page.evaluate(async () => (await fetch('/api/v1/recipe')).json());
  holds(recipe.model.report_card.schema === 1 && recipe.plugins.length > 3, 'programs get the same');
  await page.close();
});

test('a plugin and the model can be read on a phone, in Chinese and without JavaScript', async () => {
  const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN', javaScriptEnabled: false });
  for (const path of ['/plugins', '/plugins/adv-squeeze', '/model']) {
    const { page, answer } = await open(path, phone);
    equal(answer.status(), 200, path);
    holds((await page.locator('main').textContent()).includes('签名者'), `${path} is Chinese`);
    const scroll = await page.locator('html').evaluate((html) => html.scrollWidth);
    holds(scroll <= 390, `${path} is no wider than the phone: ${scroll}`);
    await shot(page, `${path.slice(1).replace('/', '-')}-phone-zh`);
    await page.close();
  }
  await phone.close();
});

test('the alarms page shows what is raised and what was', async () => {
  const { page } = await open('/alarms');
  equal(await page.locator('main h2').count(), 2, 'parts of the page');
  const headings = await page.locator('main h2').allTextContents();
  equal(headings.join(', '), 'Raised now, History', 'headings');
  await shot(page, 'alarms');
  await page.close();
});

test('a release is deployed and rolled back from its page', async () => {
  const { page } = await open('/deployments');
  page.setDefaultTimeout(180_000);
  const text = () => page.locator('main').textContent();
  holds((await text()).includes('Nothing was deployed yet'), 'nothing was deployed yet');
  await page.locator('input[name=bundle]').setInputFiles(join(dirname(options.config), 'releases', 'recipe-1.1.0.assay'));
  await page.locator('form[enctype] input[name=reason]').fill('the browser wants it');
  await page.locator('#hand-in button[type=submit]').click();
  await page.locator('[data-state=shadow], [data-state=trial]').first().waitFor();
  await shot(page, 'deployments-running');
  await page.locator('[data-state=committed]').first().waitFor();
  holds((await text()).includes('surface-inspection 1.1.0'), 'the new recipe runs');
  holds((await text()).includes('Self-test good.png'), 'the qualification is shown');
  await shot(page, 'deployments');
  const back = page.locator('form.filter[action="/deployments/rollback"]');
  await back.locator('input[name=reason]').fill('and back');
  await back.locator('button').click();
  equal(await page.locator('[data-state=rolled-back]').count(), 0, 'it asks first');
  await back.locator('input[type=checkbox]').check();
  await back.locator('button').click();
  await page.locator('[data-state=rolled-back]').first().waitFor();
  holds((await text()).includes('surface-inspection 1.0.0'), 'the recipe before drives again');
  const before = noise.length;
  await back.locator('input[type=checkbox]').check();
  await back.locator('button').click();
  await page.locator('.note.fail').waitFor();
  holds((await text()).includes('nothing-to-roll-back'), 'a second time there is nothing to go back to');
  // Chromium reports the 409 itself as a console error; it is the one that was asked for.
  noise.length = before;
  await page.close();
});

test('the language can be changed and is remembered', async () => {
  const { page } = await open('/plugins');
  await page.getByText('中文').click();
  equal(await page.locator('html').getAttribute('lang'), 'zh-CN', 'language');
  holds(page.url().endsWith('/plugins'), 'it stays on the page');
  await page.goto(address + '/inspections');
  equal(await page.locator('html').getAttribute('lang'), 'zh-CN', 'language of the next page');
  holds(!(await page.locator('body').textContent()).includes('?'.repeat(2)), 'no text is missing');
  await shot(page, 'inspections-zh');
  await page.goto(address + '/');
  await page.locator('.big .word').first().waitFor();
  await shot(page, 'live-zh');
  await page.goto(address + '/deployments');
  await shot(page, 'deployments-zh');
  await page.getByText('English').click();
  await page.close();
});

test('pages can be read without JavaScript', async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false });
  for (const path of ['/', '/inspections', '/drift', '/plugins', '/alarms', '/deployments']) {
    const { page, answer } = await open(path, plain);
    equal(answer.status(), 200, path);
    holds((await page.locator('main').textContent()).trim().length > 0, `${path} has content`);
  }
  await plain.close();
});

test('an address that does not exist is a page that says so', async () => {
  const before = noise.length;
  const { page, answer } = await open('/inspections/demo-999-999');
  equal(answer.status(), 404, 'status');
  await page.locator('.empty').waitFor();
  // Chromium reports the 404 itself as a console error; it is the one that was asked for.
  noise.length = before;
  await page.close();
});

/** Chromium reports every answer of 400 and above as a console error; these were asked for. */
async function expectNoise(body) {
  const before = noise.length;
  await body();
  noise.length = before;
}
deployTests({ test, context, browser, open, shot, equal, holds, expectNoise, releases: join(dirname(options.config), 'releases') });
reportsTests({ test, context, open, shot, equal, holds, expectNoise, browser, limitMs: WAIT_LIMIT_MS });
driftTests({ test, open, shot, equal, holds, expectNoise, browser, limitMs: WAIT_LIMIT_MS });
weightTests({ test, open, holds, expectNoise, browser });
recordsTests({ test, context, open, shot, equal, holds, expectNoise, browser });
pagesTests({ test, open, shot, equal, holds, browser });
overviewsTests({ test, context, open, shot, equal, holds, expectNoise, browser });
accessTests({ test, browser, open, shot, equal, holds, expectNoise, secret });
const startLabels = () => startStation(options.labels);
labelsTests({ test, context, open, shot, equal, holds, startLabels, stopStation, limitMs: WAIT_LIMIT_MS });
heatTests({ test, context, open, shot, equal, holds, start: startStation, stopStation, assay: options.assay, config: options.config });

test('no console error on any page', async () => equal(noise.join('\n'), '', 'console'));
test('no request leaves the machine', async () => equal(foreign.join('\n'), '', 'foreign requests'));

let failed = 0;
for (const { name, body } of tests) {
  try {
    await body();
    console.log(`ok    browser: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  browser: ${name}\n      ${String(error.stack ?? error).split('\n').slice(0, 4).join('\n      ')}`);
  }
}
await browser.close();
const code = await stopStation(child);
if (code !== 0) {
  failed += 1;
  console.log(`FAIL  browser: Ctrl-C ends the station with exit code 0, found ${code}`);
} else {
  console.log('ok    browser: Ctrl-C ends the station with exit code 0');
}
console.log(`${tests.length + 1 - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
