// Browsing what was recorded, reviewing it by keyboard, and what comes of it. The station has no users yet.

export function recordsTests({ test, context, open, shot, equal, holds, expectNoise, browser }) {
  const allLoaded = (page) =>
    page.waitForFunction(() => [...document.images].every((image) => image.loading === 'lazy' || (image.complete && image.naturalWidth > 0)));
  const noOverflow = async (page, what) => {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    holds(overflow <= 0, `${what}: nothing is wider than the screen (${overflow} px)`);
  };

  test('pictures stand beside the list, and j, k and Enter find the way', async () => {
    const { page } = await open('/inspections');
    const rows = await page.locator('table.list tbody tr').count();
    equal(await page.locator('.tiles .tile').count(), rows, 'a picture per row');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    equal(await page.locator('table.list tr.here').count(), 1, 'one row is marked');
    const id = await page.locator('table.list tbody tr').first().locator('td:last-child').textContent();
    equal(await page.locator('table.list tr.here td:last-child').textContent(), id, 'the first row is marked');
    await shot(page, 'inspections-keys');
    await page.keyboard.press('Enter');
    await page.waitForURL(new RegExp(`/inspections/${id.trim()}`));
    await page.goBack();
    await page.keyboard.press('/');
    equal(await page.evaluate(() => document.activeElement.name), 'label', 'the slash goes to the filter');
    await page.close();
  });

  test('a filter that is not understood keeps what was typed', async () => {
    await expectNoise(async () => {
      const { page, answer } = await open('/inspections?from=yesterday&score_min=0.9&score_max=0.1');
      equal(answer.status(), 400, 'status');
      equal(await page.inputValue('input[name=from]'), 'yesterday', 'from');
      equal(await page.inputValue('input[name=score_min]'), '0.9', 'score');
      holds(await page.locator('.wrong').isVisible(), 'it says so');
      await shot(page, 'inspections-bad-filter');
      await page.close();
    });
  });

  test('a view is saved, used and forgotten', async () => {
    const { page } = await open('/inspections?verdict=fail');
    await page.fill('.views input[name=name]', 'fails <b>of</b> today');
    await page.locator('.views button', { hasText: 'Save view' }).click();
    await page.locator('.chip a[aria-current]').waitFor();
    equal(await page.locator('.chip a').textContent(), 'fails <b>of</b> today', 'shown as text');
    await page.goto(new URL('/inspections', page.url()).href);
    await page.locator('.chip a').click();
    await page.waitForURL(/verdict=fail/);
    await page.locator('.chip button').click();
    await page.waitForFunction(() => document.querySelector('.chip') === null);
    await page.close();
  });

  test('the detail goes on within the filter, zooms, and hides what is drawn over the picture', async () => {
    const { page } = await open('/inspections?verdict=fail');
    await page.locator('table.list tbody tr td:last-child a').first().click();
    await page.locator('.big .word').waitFor();
    const next = page.locator('a[rel=next]');
    holds((await next.getAttribute('href')).includes('verdict=fail'), 'the way on keeps the filter');
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction((before) => location.href !== before, page.url());
    equal((await page.locator('.big .word').textContent()).trim(), 'FAIL', 'the next one failed too');
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    holds((await page.locator('.picture.zoomed').count()) === 1, 'the picture is zoomed');
    await page.locator('.overlay-toggle').uncheck();
    equal(await page.locator('.zoom-tools + .picture svg.overlay:visible').count(), 0, 'nothing is drawn over it');
    await page.locator('details.policy summary').click();
    holds((await page.locator('details.policy').textContent()).includes('good'), 'the policy names the labels that pass');
    await shot(page, 'detail-zoomed');
    await page.close();
  });

  test('a part is found, opened, and judged again by keyboard, in both languages', async () => {
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'zh-CN' });
    const plain = await browser.newContext({ javaScriptEnabled: false });
    for (const [on, same, now, name] of [
      [undefined, 'The same result as then.', 'Now', 'replay'],
      [phone, '结果与当时相同。', '现在', 'replay-zh-phone-dark'],
      [plain, 'The same result as then.', 'Now', 'replay-no-script'],
    ]) {
      const { page } = await open('/inspections?verdict=fail', on);
      await page.locator('table.list tbody tr td:last-child a').first().focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(/inspections\/[^?/]+\?/);
      const button = page.locator('form.replay button');
      await button.focus();
      await page.keyboard.press('Enter');
      await page.locator('#replay-result .note').waitFor();
      equal((await page.locator('#replay-result .note').textContent()).trim(), same, `${name}: result`);
      holds((await page.locator('table.compared thead').textContent()).includes(now), `${name}: both sides`);
      equal(await page.locator('table.compared tbody tr').first().locator('.badge.fail').count(), 2, `${name}: verdicts`);
      if (on !== plain) holds(await button.evaluate((one) => document.activeElement === one), `${name}: the focus stays`);
      await noOverflow(page, name);
      await page.locator('#replay').scrollIntoViewIfNeeded();
      await shot(page, name);
      await page.close();
    }
    await phone.close();
    await plain.close();
  });

  test('ten parts are reviewed by keyboard', async () => {
    const { page } = await open('/review?queue=fail');
    await page.locator('.part').first().waitFor();
    await allLoaded(page);
    await shot(page, 'review');
    for (let number = 0; number < 10; number += 1) {
      const first = page.locator('.part').first();
      const id = await first.getAttribute('aria-label');
      // The station failed them. Every fifth is good, says this reviewer, and why.
      await page.keyboard.press(number % 5 === 0 ? 'g' : 'd');
      if (number % 5 === 0) {
        equal(await page.evaluate(() => document.activeElement.name), 'reason', 'a reason is asked for');
        await page.keyboard.type('only dust');
        await page.keyboard.press('Enter');
      }
      await page.waitForFunction((gone) => document.querySelector(`[aria-label="${gone}"]`) === null && document.readyState === 'complete', id);
      await page.locator('.part:focus').waitFor();
    }
    await page.goto(new URL('/inspections?reviewed=yes', page.url()).href);
    equal(await page.locator('table.list tbody tr').count(), 10, 'reviewed parts');
    equal(await page.locator('.badge.review.pass').count(), 2, 'good ones');
    await shot(page, 'inspections-reviewed');
    await page.close();
  });

  test('parts that look alike to the model are one click away', async () => {
    const { page } = await open('/inspections?verdict=fail');
    await page.locator('table.list tbody tr td:last-child a').last().click();
    await page.locator('nav.pager a', { hasText: 'More like this' }).click();
    await page.waitForURL('**/alike');
    // Written every two seconds, behind the line.
    for (let tries = 0; tries < 60 && (await page.locator('.like').count()) === 0; tries += 1) {
      await page.waitForTimeout(500);
      await page.reload();
    }
    const likeness = (await page.locator('.like b').allTextContents()).map((text) => Number.parseFloat(text));
    holds(likeness.length > 0 && likeness.every((one) => one <= 100 && one >= -100), `shares of likeness: ${likeness}`);
    holds(likeness.every((one, at) => at === 0 || one <= likeness[at - 1]), 'the most alike stand first');
    await allLoaded(page);
    await noOverflow(page, 'alike');
    await shot(page, 'alike');
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'zh-CN' });
    const { page: small } = await open(new URL(page.url()).pathname, phone);
    holds((await small.locator('h1').textContent()).includes('相似'), 'in Chinese');
    await noOverflow(small, 'alike on a phone');
    await shot(small, 'alike-phone-zh');
    await phone.close();
    await page.locator('.like a').first().click();
    await page.locator('.big .word').waitFor();
    await page.close();
  });

  test('a review on the detail page is in its history, and a stale one is refused with its content', async () => {
    const { page } = await open('/inspections?verdict=undecided');
    await page.locator('table.list tbody tr td:last-child a').first().click();
    await page.locator('form.review').waitFor();
    const other = await page.context().newPage();
    await other.goto(page.url());
    for (const [one, label] of [[page, 'scratch'], [other, 'my own word']]) {
      await one.check('form.review input[value=fail]');
      await one.fill('form.review input[name=label]', label);
      await one.fill('form.review input[name=reason]', 'seen on the part');
    }
    await page.click('form.review button[type=submit]');
    await page.locator('#review table').waitFor();
    await expectNoise(async () => {
      await other.click('form.review button[type=submit]');
      await other.locator('#review .wrong').waitFor();
    });
    holds((await other.locator('#review .wrong').textContent()).includes('Somebody else'), 'it says why');
    equal(await other.inputValue('form.review input[name=label]'), 'my own word', 'what was entered is kept');
    await shot(other, 'review-stale');
    await other.close();
    await page.close();
  });

  test('the sample of passes is reviewed, and quality is measured', async () => {
    const { page } = await open('/quality?days=1');
    holds((await page.locator('main').textContent()).includes('not measured'), 'not measured before');
    await shot(page, 'quality-not-measured');
    await page.goto(new URL('/review?queue=sample', page.url()).href);
    const deadline = Date.now() + 60_000;
    while ((await page.locator('.part').count()) === 0 && Date.now() < deadline) await page.reload();
    for (let left = await page.locator('.part').count(); left > 0; left -= 1) {
      const id = await page.locator('.part').first().getAttribute('aria-label');
      await page.keyboard.press('g');
      await page.waitForFunction((gone) => document.querySelector(`[aria-label="${gone}"]`) === null && document.readyState === 'complete', id);
      if (left > 1) await page.locator('.part:focus').waitFor();
    }
    await page.goto(new URL('/quality?days=1&floor=0.9', page.url()).href);
    await page.locator('.plot-svg polyline').first().waitFor({ state: 'attached' });
    const text = await page.locator('.rates').textContent();
    holds(/False rejects/.test(text) && /95 %/.test(text), 'false rejects have an interval');
    await shot(page, 'quality');
    await page.close();
  });

  test('the new pages are there in Chinese, on a phone and in the dark', async () => {
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'zh-CN' });
    for (const [path, name] of [['/inspections', 'inspections'], ['/review?queue=undecided', 'review'], ['/quality?days=1', 'quality']]) {
      const { page } = await open(path, phone);
      equal(await page.locator('html').getAttribute('lang'), 'zh-CN', path);
      await noOverflow(page, path);
      await shot(page, `${name}-zh-phone-dark`);
      await page.close();
    }
    await phone.close();
    const dark = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', locale: 'zh-CN' });
    const { page } = await open('/quality?days=1', dark);
    await shot(page, 'quality-zh-dark');
    await dark.close();
  });

  test('the list, the queue and quality can be read without JavaScript', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    for (const path of ['/inspections?verdict=fail', '/review', '/review?queue=second', '/quality']) {
      const { page, answer } = await open(path, plain);
      equal(answer.status(), 200, path);
      holds((await page.locator('main').textContent()).trim().length > 0, `${path} has content`);
    }
    await plain.close();
  });

  test('an export of the filter comes as a file', async () => {
    const { page } = await open('/inspections?verdict=fail');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.exports a[href*="/csv"]')]);
    equal(download.suggestedFilename(), 'inspections.csv', 'name');
    const [zip] = await Promise.all([page.waitForEvent('download'), page.click('.exports a[href*="/imagefolder"]')]);
    equal(zip.suggestedFilename(), 'inspections.zip', 'name');
    equal(await zip.failure(), null, 'the whole of it came');
    await page.close();
  });
}
