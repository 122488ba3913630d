// What a page weighs and when it paints, with an empty cache: the weight is a limit, the time is only told.
import { allPages } from './reports.mjs';

/** Compressed, without pictures. */
const LIMIT_BYTES = 150_000;
const PAINT_TARGET_MS = 300;

export function weightTests({ test, open, holds, expectNoise, browser }) {
  test(`no page weighs more than ${LIMIT_BYTES / 1000} kB`, async () => {
    const start = await browser.newContext();
    const found = [];
    await expectNoise(async () => {
      for (const path of await allPages(open, start)) {
        const cold = await browser.newContext({ viewport: { width: 1440, height: 900 } });
        const { page } = await open(path, cold);
        found.push({ path, ...(await measure(page)) });
        await cold.close();
      }
    });
    await start.close();
    const heavy = found.filter(({ bytes }) => bytes > LIMIT_BYTES).map(({ path, bytes }) => `${path}: ${bytes} bytes`);
    const most = found.reduce((one, other) => (one.bytes > other.bytes ? one : other));
    const slow = found.filter(({ paintMs }) => paintMs > PAINT_TARGET_MS).map(({ path, paintMs }) => `${path} ${paintMs.toFixed(0)} ms`);
    console.log(`      heaviest page: ${most.path} with ${most.bytes} bytes; ${slow.length} of ${found.length} paint after more than ${PAINT_TARGET_MS} ms ${slow.join(', ')}`);
    holds(found.every(({ scripts }) => scripts > 0), 'scripts are in what was counted');
    holds(heavy.length === 0, heavy.join('; '));
  });
}

/** Bytes of the document, styles, scripts and what they asked for, as they came over the wire, and the first paint of content. */
async function measure(page) {
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
  return page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation');
    const others = performance.getEntriesByType('resource').filter(({ initiatorType, name }) => initiatorType !== 'img' && !name.includes('/pictures/'));
    return {
      bytes: others.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, navigation.encodedBodySize),
      scripts: others.filter(({ initiatorType }) => initiatorType === 'script').length,
      paintMs: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    };
  });
}
