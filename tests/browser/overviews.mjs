// The station page, the dashboard and the themes. The station has no users yet.

export function overviewsTests({ test, context, open, shot, equal, holds, expectNoise, browser }) {
  const allLoaded = (page) => page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  const panel = (colorScheme, locale = 'en-GB') => browser.newContext({ viewport: { width: 1920, height: 1080 }, colorScheme, locale });
  const fontSize = (page, selector) => page.locator(selector).first().evaluate((element) => parseFloat(getComputedStyle(element).fontSize));

  test('the station page moves by itself and is readable from afar', async () => {
    const screen = await panel('light');
    const { page } = await open('/station', screen);
    await page.locator('.say .word').waitFor();
    const read = async () => Number(await page.locator('#count-total').textContent());
    const before = await read();
    await page.waitForFunction((old) => Number(document.querySelector('#count-total')?.textContent) > old, before);
    await allLoaded(page);
    // At three metres a line has to be 7 mm high at least: 27 px on a panel of 24 inches.
    holds((await fontSize(page, '.say .word')) >= 90, `the verdict is huge: ${await fontSize(page, '.say .word')} px`);
    for (const selector of ['.part-facts dd', '.tally-cell b', '.gauge p b', '.kiosk-bottom p']) {
      holds((await fontSize(page, selector)) >= 27, `${selector} is large: ${await fontSize(page, selector)} px`);
    }
    const size = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    holds(size[0] <= 1920 && size[1] <= 1080, `all of it is on the screen: ${size}`);
    const cut = await page.evaluate(() => [...document.querySelectorAll('.kiosk-side > *, .say > div')].filter((box) => box.scrollHeight > box.clientHeight + 2).map((box) => box.className));
    equal(cut.join(', '), '', 'boxes whose text is cut off');
    await shot(page, 'station');
    await screen.close();
  });

  test('a verdict has its shape and its word beside its colour', async () => {
    const { page } = await open('/station');
    await page.locator('.say svg').waitFor();
    const shown = await page.locator('.say').evaluate((say) => [say.className, say.querySelector('.word').textContent]);
    const words = { 'say pass': 'PASS', 'say fail': 'FAIL', 'say undecided': 'UNDECIDED' };
    equal(shown[1], words[shown[0]], `the word of ${shown[0]}`);
    await page.close();
  });

  test('the station page fills the screen', async () => {
    const { page } = await open('/station');
    await page.locator('#full-screen').click();
    await page.waitForFunction(() => document.fullscreenElement !== null);
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement === null);
    await page.close();
  });

  test('a station that is no longer heard covers its last verdict', async () => {
    const { page } = await open('/station');
    const clock = await page.locator('#beat .clock').textContent();
    await page.waitForFunction((old) => document.querySelector('#beat .clock')?.textContent !== old, clock);
    holds(!(await page.locator('.cover').isVisible()), 'no cover while it is heard');
    await page.close();
    await expectNoise(async () => {
      const silent = await context.newPage();
      // The page comes, and then nothing any more, as with a cable that was pulled.
      await silent.route('**/station/events', () => {});
      await silent.goto(new URL('/station', page.url()).href);
      holds(!(await silent.locator('.cover').isVisible()), 'a page that has just come is fresh');
      await silent.locator('.cover').waitFor({ state: 'visible' });
      holds((await silent.locator('.cover').textContent()).includes('Connection lost'), 'it says so');
      const covered = await silent.evaluate(() => document.querySelector('.cover').contains(document.elementFromPoint(innerWidth / 2, innerHeight / 2)));
      holds(covered, 'nothing is seen of the verdict');
      await shot(silent, 'station-lost');
      await silent.close();
    });
  });

  test('the station page in the dark, in Chinese, and on a phone', async () => {
    const dark = await panel('dark', 'zh-CN');
    const { page } = await open('/station', dark);
    await page.locator('.say .word').waitFor();
    await allLoaded(page);
    equal(await page.locator('html').getAttribute('lang'), 'zh-CN', 'language');
    await shot(page, 'station-dark-zh');
    await dark.close();
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 } });
    const small = await open('/station', phone);
    await small.page.locator('.say .word').waitFor();
    const overflow = await small.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    holds(overflow <= 0, `nothing is wider than the screen (${overflow} px)`);
    await shot(small.page, 'station-phone');
    await phone.close();
  });

  const drawn = (page) => page.waitForFunction(() => Number(document.querySelector('#series')?.dataset.drawn ?? 0) >= 8);

  test('the dashboard draws its charts, and a range is chosen', async () => {
    // The first figures are written after ten seconds.
    const { page } = await open('/dashboard?range=15m');
    const deadline = Date.now() + 30_000;
    for (;;) {
      const seen = await page.evaluate(async () => (await (await fetch('/api/v1/series?range=15m')).json()).passed);
      if (seen?.some((value) => value !== null) || Date.now() > deadline) break;
      await page.waitForTimeout(500);
    }
    await page.reload();
    await drawn(page);
    holds((await page.locator('.chart canvas').count()) >= 8, 'charts');
    holds((await page.locator('#dashboard').textContent()).includes('letterbox'), 'plugins have their figures');
    await shot(page, 'dashboard');
    await page.locator('nav.choices').getByText('8 h', { exact: true }).click();
    await page.waitForURL(/range=8h/);
    await drawn(page);
    equal(await page.locator('nav.choices a[aria-current]').first().textContent(), '8 h', 'the range');
    await page.locator('nav.choices').getByText('p99', { exact: true }).click();
    await page.waitForURL(/percentile=p99/);
    await page.getByText('Compare with the period before').click();
    await page.waitForURL(/compare=true/);
    await drawn(page);
    await page.close();
  });

  test('dragging over a chart zooms all of them', async () => {
    const { page } = await open('/dashboard?range=15m');
    await drawn(page);
    const plot = page.locator('.chart .u-over').first();
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60, { steps: 8 });
    await page.mouse.up();
    await page.locator('#series[data-zoomed=true]').waitFor();
    await plot.dblclick();
    await page.locator('#series[data-zoomed=false]').waitFor();
    await page.close();
  });

  test('the dashboard now moves by itself, in the dark and in Chinese', async () => {
    const dark = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', locale: 'zh-CN' });
    const { page } = await open('/dashboard?range=15m&compare=true', dark);
    await drawn(page);
    const first = await page.locator('#dashboard').innerHTML();
    await page.waitForFunction((old) => document.querySelector('#dashboard').innerHTML !== old, first);
    await shot(page, 'dashboard-dark-zh');
    await dark.close();
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 } });
    const small = await open('/dashboard', phone);
    const overflow = await small.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    holds(overflow <= 0, `nothing is wider than the screen (${overflow} px)`);
    await phone.close();
  });

  test('the overviews can be read without JavaScript', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const { page } = await open('/dashboard?range=15m', plain);
    await page.locator('.figures-table summary').click();
    holds((await page.locator('.figures-table tbody tr').count()) > 0, 'the table has rows');
    const station = await open('/station', plain);
    holds(await station.page.locator('.say .word').isVisible(), 'the verdict is there');
    await plain.close();
  });

  test('a theme is chosen, kept and given up again', async () => {
    const { page } = await open('/plugins');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.locator('a.theme').click();
    equal(await page.locator('html').getAttribute('data-theme'), 'dark', 'theme');
    holds((await ground()) !== light, 'the ground is another');
    await page.goto(new URL('/quality', page.url()).href);
    equal(await page.locator('html').getAttribute('data-theme'), 'dark', 'theme of the next page');
    await page.locator('a.theme').click();
    equal(await page.locator('html').getAttribute('data-theme'), 'light', 'theme');
    await page.locator('a.theme').click();
    equal(await page.locator('html').getAttribute('data-theme'), null, 'as the system');
    await page.close();
  });
}
