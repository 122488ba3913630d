// The story of a drift: what changed first, pictures of before and since, how the features are spread. The demo's pictures drift.

export function driftTests({ test, open, shot, equal, holds, expectNoise, browser, limitMs }) {
  const noOverflow = async (page, what) => {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    holds(overflow <= 0, `${what}: nothing is wider than the screen (${overflow} px)`);
  };

  test('the drift page says what changed first, and shows pictures and distributions', async () => {
    const { page } = await open('/drift');
    const deadline = Date.now() + 2 * limitMs;
    while ((await page.locator('#episode').count()) === 0 && Date.now() < deadline) {
      await page.waitForTimeout(500);
      await page.reload();
    }
    holds((await page.locator('#episode tbody tr').count()) > 0, 'something crossed its threshold');
    holds((await page.locator('#episode .samples img').count()) > 0, 'pictures of before and since');
    holds((await page.locator('.charts svg').count()) > 0, 'a distribution is drawn');
    await page.locator('.chart[data-drawn=true] canvas').first().waitFor();
    await page.waitForFunction(() => [...document.images].every((image) => image.loading === 'lazy' || (image.complete && image.naturalWidth > 0)));
    await noOverflow(page, 'drift');
    await shot(page, 'drift-story');
    const overview = await page.evaluate(async () => (await fetch('/api/v1/drift')).json());
    holds(overview.episodes.length > 0 && overview.series.length > 0, 'programs get the same');
    await page.locator('.choices a', { hasText: '15' }).first().click();
    await page.waitForURL(/range=15m/);
    await page.close();
  });

  test('drift on a phone, in the dark, in Chinese, and a range that is turned round', async () => {
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'zh-CN' });
    const { page } = await open('/drift', phone);
    holds(/[\u4e00-\u9fff]/.test(await page.locator('h1').textContent()), 'the heading is Chinese');
    holds(!(await page.locator('main').textContent()).includes('??'), 'no text is missing');
    await noOverflow(page, 'drift on a phone');
    await shot(page, 'drift-phone-zh');
    await phone.close();
    await expectNoise(async () => {
      const { page, answer } = await open('/drift?from=2026-11-24T06:00&to=2026-11-23T06:00');
      equal(answer.status(), 400, 'status');
      equal(await page.inputValue('input[name=from]'), '2026-11-24T06:00', 'what was typed');
      holds(await page.locator('.wrong').first().isVisible(), 'it says so');
      await page.close();
    });
  });
}
