// A station with a one-class model: its heat map over the picture, and the switch that hides it.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Packs the model and a recipe for it beside the demo's plugins; gives the configuration of a station for them. */
function makeStation(assay, demo, root) {
  const home = mkdtempSync(join(tmpdir(), 'assay-heat-'));
  const [bundles, pictures] = [join(home, 'bundles'), join(home, 'pictures')];
  [bundles, pictures].forEach((folder) => mkdirSync(folder));
  copyFileSync(join(demo, 'bundles/letterbox.assay'), join(bundles, 'letterbox.assay'));
  for (const name of ['1-ordinary-02-good-metal.jpg', '1-ordinary-24-stain-fabric.jpg']) copyFileSync(join(root, 'sdk/models/demo/pictures', name), join(pictures, name));
  const pack = (name, manifest) => {
    const args = ['bundle', 'pack', '--manifest', join(root, 'tests/fixtures/models', manifest), '--bundles', bundles, '--key', join(demo, 'keys/demo.pem')];
    execFileSync(assay, [...args, '--out', join(bundles, `${name}.assay`)]);
  };
  pack('heat', 'tiny-heat.toml');
  pack('recipe', 'tiny-heat-recipe.toml');
  writeFileSync(
    join(home, 'station.toml'),
    `station = "heat"\ndata_dir = "data"\nbundles_dir = "bundles"\nrecipe = "bundles/recipe.assay"\ntrust = ${JSON.stringify(join(demo, 'trust.json'))}\n` +
      `[inference]\norder = ["tract"]\n` +
      `[[source]]\nkind = "folder"\nname = "belt"\npath = "pictures"\nmode = "once"\nrepeat = true\npace_ms = 400\n`,
  );
  return { home, config: join(home, 'station.toml') };
}

export function heatTests({ test, context, open, shot, equal, holds, start, stopStation, assay, config }) {
  const demo = dirname(resolve(config));
  let station;
  let made;

  test('heat: a station with a one-class model starts', async () => {
    made = makeStation(resolve(assay), demo, process.cwd());
    station = await start(made.config);
  });

  test('heat: the live page draws the map over the picture, and the switch stays as it was put', async () => {
    const { page } = await open('/', context, station.address);
    const heat = page.locator('.picture .heat').first();
    await heat.waitFor();
    const over = await page.evaluate(() => {
      const [img, map] = ['.picture img', '.picture .heat image'].map((at) => document.querySelector(at));
      const [box, b] = [img.getBoundingClientRect(), map.getBoundingClientRect()];
      // The picture as it is drawn: its element may be wider or higher (object-fit: contain).
      const scale = Math.min(box.width / img.naturalWidth, box.height / img.naturalHeight);
      const [wide, high] = [img.naturalWidth * scale, img.naturalHeight * scale];
      const [left, top] = [box.left + (box.width - wide) / 2, box.top + (box.height - high) / 2];
      return Math.max(Math.abs(left - b.left), Math.abs(top - b.top), Math.abs(left + wide - b.right), Math.abs(top + high - b.bottom));
    });
    holds(over < 2, `the map lies on the picture: ${over} px off`);
    await shot(page, 'heat-live');
    await page.locator('label[for=show-heat]').click();
    await heat.waitFor({ state: 'hidden' });
    const before = await page.locator('#count-total').textContent();
    await page.waitForFunction((old) => document.querySelector('#count-total')?.textContent !== old, before);
    equal(await page.locator('.picture .heat').first().isVisible(), false, 'the map is still hidden with the next frame');
    await page.close();
  });

  test('heat: the detail page draws it too, without a script', async () => {
    const plain = await context.browser().newContext({ javaScriptEnabled: false, viewport: { width: 1440, height: 900 } });
    const { page: list } = await open('/inspections', plain, station.address);
    const href = await list.locator('table.list tbody a').first().getAttribute('href');
    const { page } = await open(href, plain, station.address);
    await page.locator('.picture .heat').first().waitFor();
    equal(await page.locator('.figures img').count(), 1, 'the map alone');
    await shot(page, 'heat-detail');
    await page.locator('label[for=show-heat]').click();
    equal(await page.locator('.picture .heat').first().isVisible(), false, 'the switch hides it');
    await plain.close();
  });

  test('heat: the station ends as it should', async () => {
    equal(await stopStation(station.child), 0, 'exit code');
    rmSync(made.home, { recursive: true });
  });
}
