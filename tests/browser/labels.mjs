// The second demo's station: regions of findings over the picture that the detectors saw, and the reading of the p-chart.

export function labelsTests({ test, context, open, shot, equal, holds, startLabels, stopStation, limitMs }) {
  let station;
  const page = async (path) => (await open(path, context, station.address)).page;

  /** Opens the newest inspection with this reason in the list, once there is one. */
  async function detail(reason) {
    const deadline = Date.now() + 2 * limitMs;
    const list = await page(`/inspections?finding=${reason}`);
    const row = list.locator('table.list tbody tr td:last-child a').first();
    while ((await row.count()) === 0 && Date.now() < deadline) {
      await list.waitForTimeout(500);
      await list.reload();
    }
    await row.click();
    await list.locator('.big .word').waitFor();
    await list.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
    return list;
  }

  test('labels: the station with plugins of five languages starts', async () => {
    station = await startLabels();
    const plugins = await page('/plugins');
    const text = await plugins.locator('main').textContent();
    // A page that stays open would ask a station that has ended.
    await plugins.close();
    for (const name of ['fixture-align', 'code-check', 'exposure', 'statistics-rule', 'spc-monitor']) holds(text.includes(name), `the page names ${name}`);
  });

  test('labels: a wrong code is drawn over the upright part', async () => {
    const at = await detail('code-wrong');
    const drawn = await at.evaluate(() => {
      const rect = document.querySelector('figure svg rect');
      const image = rect?.closest('figure')?.querySelector('img');
      const caption = rect?.closest('figure')?.querySelector('figcaption')?.textContent;
      if (!rect || !image) return null;
      const [a, b] = [rect.getBoundingClientRect(), image.getBoundingClientRect()];
      const share = (from, to, first, last) => [(from - first) / (last - first), (to - first) / (last - first)];
      return {
        caption,
        natural: [image.naturalWidth, image.naturalHeight],
        across: share(a.left, a.right, b.left, b.right),
        down: share(a.top, a.bottom, b.top, b.bottom),
      };
    });
    holds(drawn !== null, 'a region is drawn over a picture that a plugin made');
    equal(drawn.caption, 'fixture-align: what the detectors saw', 'what it is drawn over');
    equal(drawn.natural.join(' x '), '480 x 320', 'the upright part');
    const [left, right] = drawn.across;
    const [top, bottom] = drawn.down;
    // The label lies from 0.62 to 0.81 of the width, and over most of the height.
    holds(left > 0.58 && right < 0.85 && right > left, `the region is on the label: ${left} to ${right}`);
    holds(top > 0.05 && bottom < 0.95 && bottom - top > 0.6, `all of the bars are in it: ${top} to ${bottom}`);
    equal(await at.locator('section.panel').first().locator('svg rect').count(), 0, 'regions over the frame itself');
    await shot(at, 'labels-detail');
    await at.close();
  });

  test('labels: half a lamp is drawn where it is too dark', async () => {
    const at = await detail('too-dark');
    const labels = await at.locator('figure svg').first().textContent();
    holds(labels.includes('too-dark'), `the region is named: ${labels}`);
    await shot(at, 'labels-half-lit');
    await at.close();
  });

  test('labels: the p-chart of the rejects is read on the drift page', async () => {
    const at = await page('/drift');
    const deadline = Date.now() + 2 * limitMs;
    const series = at.locator('.chart[data-series*="reject_rate"]');
    while ((await series.count()) === 0 && Date.now() < deadline) {
      await at.waitForTimeout(500);
      await at.reload();
    }
    await at.locator('.chart[data-drawn=true] canvas').first().waitFor();
    const text = await at.locator('main').textContent();
    for (const word of ['spc-monitor', 'reject_rate', 'p-chart', 'run-rule-1']) holds(text.includes(word), `the page names ${word}`);
    await shot(at, 'labels-drift');
    await at.goto(`${station.address}/`);
    await at.locator('a[href="/drift"] .badge', { hasText: 'reject_rate' }).waitFor();
    await shot(at, 'labels-live');
    await at.close();
  });

  test('labels: Ctrl-C ends this station too', async () => equal(await stopStation(station.child), 0, 'exit code'));
}
