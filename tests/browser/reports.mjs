// The shift report on the screen and on paper, the security page, and every page by axe-core. The station has no users yet.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
/** Pages that the navigation does not lead to. */
const OTHERS = ['/account', '/login', '/setup', '/report?date=yesterday&shift=none', '/inspections?from=yesterday', '/review?queue=sample', '/plugins/adv-squeeze', '/model', '/nothing-here'];

export function reportsTests({ test, context, open, shot, equal, holds, expectNoise, browser, limitMs }) {
  const allLoaded = (page) => page.waitForFunction(() => [...document.images].every((image) => image.loading === 'lazy' || (image.complete && image.naturalWidth > 0)));
  const noOverflow = async (page, what) => {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    holds(overflow <= 0, `${what}: nothing is wider than the screen (${overflow} px)`);
  };

  test('the report of the present shift has counts, reasons with pictures, and the same as JSON', async () => {
    const { page } = await open('/report');
    const text = await page.locator('main').textContent();
    for (const word of ['Yield', 'Rejects by reason', 'Latency', 'Drift', 'Changes', 'not over yet', 'surface-inspection 1.1.0']) holds(text.includes(word), `the page names ${word}`);
    holds((await page.locator('.pareto img.thumb').count()) > 0, 'a reason has a picture');
    await allLoaded(page);
    await noOverflow(page, 'the report');
    await shot(page, 'report');
    const shown = Number(await page.locator('.counter').first().locator('b').textContent());
    const json = await page.evaluate(async (address) => (await fetch(address)).json(), await page.getByText('JSON').getAttribute('href'));
    holds(json.counts.total >= shown && shown > 0, `the JSON has ${json.counts.total} frames, the page ${shown}`);
    equal(json.span.shift, await page.locator('select[name=shift]').inputValue(), 'the shift of both');
    await page.close();
  });

  test('on paper there is the report alone', async () => {
    const { page } = await open('/report');
    await page.emulateMedia({ media: 'print' });
    for (const hidden of ['header.top', 'form.filter', '#alarm-banner', 'details.range']) equal(await page.locator(hidden).first().isVisible(), false, `${hidden} on paper`);
    holds(await page.locator('h1').isVisible(), 'the heading is there');
    equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)', 'paper is white');
    await shot(page, 'report-print');
    holds((await page.pdf({ format: 'A4' })).length > 10_000, 'it becomes a PDF');
    await page.close();
  });

  test('the shift before is one click away, and a shift without frames has no figures', async () => {
    const { page } = await open('/report');
    await page.locator('a[rel=prev]').click();
    await page.waitForURL(/\/report\?date=/);
    await page.locator('a[rel=prev]').click();
    const text = await page.locator('main').textContent();
    holds(text.includes('not measured'), 'nothing was measured');
    holds(!/\d %/.test(text), 'there is no share of nothing');
    await page.locator('a[rel=next]').click();
    await page.close();
  });

  test('a report that is not understood keeps what was typed', async () => {
    await expectNoise(async () => {
      const { page, answer } = await open('/report?from=yesterday&to=2026-11-24T06:00');
      equal(answer.status(), 400, 'status');
      equal(await page.locator('input[name=from]').inputValue(), 'yesterday', 'what was typed');
      await page.locator('.wrong li').first().waitFor();
      await shot(page, 'report-wrong');
      await page.close();
    });
  });

  test('the security page shows what a detector flagged, squeezed and as a difference', async () => {
    const { page } = await open('/security');
    const deadline = Date.now() + 2 * limitMs;
    while ((await page.locator('.suspect').count()) === 0 && Date.now() < deadline) {
      await page.waitForTimeout(500);
      await page.reload();
    }
    const first = page.locator('.suspect').first();
    await first.scrollIntoViewIfNeeded();
    await page.waitForFunction(() => [...document.querySelectorAll('.suspect:first-child img')].every((image) => image.complete && image.naturalWidth > 0));
    equal(await first.locator('img').count(), 3, 'original, squeezed, difference');
    const text = await page.locator('main').textContent();
    for (const word of ['l1-median', 'threshold', 'Trust store', 'recipe:', 'Counters against older releases']) holds(text.includes(word), `the page names ${word}`);
    await noOverflow(page, 'security');
    await shot(page, 'security');
    await page.close();
  });

  test('report and security in Chinese and on a phone in the dark', async () => {
    for (const [name, options] of [
      ['zh', { viewport: { width: 1440, height: 900 }, locale: 'zh-CN' }],
      ['phone-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'en-GB' }],
    ]) {
      const own = await browser.newContext(options);
      for (const path of ['report', 'security']) {
        const { page } = await open(`/${path}`, own);
        if (name === 'zh') holds(/[\u4e00-\u9fff]/.test(await page.locator('h1').textContent()), 'the heading is Chinese');
        holds(!(await page.locator('main').textContent()).includes('??'), 'no text is missing');
        await noOverflow(page, `${path} ${name}`);
        await shot(page, `${path}-${name}`);
        await page.close();
      }
      await own.close();
    }
  });

  test('axe-core finds nothing serious on any page, light, dark, in Chinese, on a phone', async () => {
    const found = [];
    for (const [name, options] of [
      ['light', { viewport: { width: 1440, height: 900 }, locale: 'en-GB' }],
      ['dark, zh-CN', { viewport: { width: 1440, height: 900 }, colorScheme: 'dark', locale: 'zh-CN' }],
      ['phone', { viewport: { width: 390, height: 844 }, locale: 'en-GB' }],
    ]) {
      const own = await browser.newContext(options);
      await expectNoise(async () => {
        for (const path of await allPages(open, own)) {
          const { page } = await open(path, own);
          found.push(...(await audit(page)).map((one) => `${path} (${name}): ${one}`));
          await page.close();
        }
      });
      await own.close();
    }
    equal([...new Set(found)].join('\n'), '', 'violations');
  });
}

/** Where the navigation leads to, one inspection, and what it does not lead to: a new page is looked at by itself. */
export async function allPages(open, context) {
  const { page } = await open('/inspections', context);
  const linked = await page.locator('header nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  const detail = await page.locator('table.list tbody a').first().getAttribute('href');
  await page.close();
  return [...linked, detail, `${detail}/alike`, ...OTHERS];
}

/** What axe-core finds on a page: rule, and where. It is put there by the browser's own tools, so that the page's strict
 * content security policy stays in force. */
async function audit(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async (tags) => {
    const { violations } = await window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] });
    return violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`) }));
  }, TAGS);
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(({ id, impact, at }) => `${impact} ${id}: ${at.slice(0, 3).join(' | ')}`);
}
