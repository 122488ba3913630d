// Small pages of the station: storage and sources.

export function pagesTests({ test, open, shot, equal, holds, browser }) {
  const onPhone = async (path, name) => {
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN', javaScriptEnabled: false });
    const { page, answer } = await open(path, phone);
    equal(answer.status(), 200, path);
    const scroll = await page.locator('html').evaluate((html) => html.scrollWidth);
    holds(scroll <= 390, `${path} is no wider than the phone: ${scroll}`);
    await shot(page, name);
    await phone.close();
  };

  test('the storage page says what is kept and what is left', async () => {
    const { page } = await open('/storage');
    const headings = await page.locator('main h2').allTextContents();
    equal(headings.join(', '), 'Disk, Pictures, Databases', 'headings');
    const files = await page.locator('main th.mono').allTextContents();
    for (const file of ['journal.db', 'station.db', 'series.db']) holds(files.includes(file), `${file} is among ${files}`);
    const told = await page.evaluate(async () => (await fetch('/api/v1/storage')).json());
    holds(told.pictures.bytes > 0 && told.disk.free_bytes > 0 && told.trouble === null, `programs get the same: ${JSON.stringify(told)}`);
    await shot(page, 'storage');
    await page.close();
    await onPhone('/storage', 'storage-phone-zh');
  });

  test('the sources page shows what each source gave', async () => {
    const { page } = await open('/sources');
    const told = await page.evaluate(async () => (await fetch('/api/v1/sources')).json());
    const names = await page.locator('[data-source] h2').allTextContents();
    equal(names.length, told.sources.length, 'sources of the page');
    holds(names.length > 0 && told.sources.some(({ frames, newest_us }) => frames > 0 && newest_us > 0), `some gave frames: ${JSON.stringify(told)}`);
    await shot(page, 'sources');
    await page.close();
    await onPhone('/sources', 'sources-phone-zh');
  });
}
