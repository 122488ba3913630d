// Handing in a bundle by dropping it, with every check as it passes, and ending a deployment under way. The release has
// been committed and taken back before.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function deployTests({ test, context, browser, open, shot, equal, holds, expectNoise, releases }) {
  /** Drops a file of that name on the page's place for one. */
  const drop = async (page, files) => {
    const transfer = await page.evaluateHandle((all) => {
      const data = new DataTransfer();
      for (const { name, bytes } of all) data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
      return data;
    }, files.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes).toString('base64') })));
    await page.dispatchEvent('#hand-in .drop', 'dragover', { dataTransfer: transfer });
    await page.dispatchEvent('#hand-in .drop', 'drop', { dataTransfer: transfer });
  };
  const refusal = (page) => page.locator('#hand-in .refused').textContent();
  const send = (page) => page.locator('#hand-in button[type=submit]').click();

  test('a dropped file is only chosen, and what is no bundle is refused with the step', async () => {
    const { page } = await open('/deployments');
    await page.locator('#hand-in input[name=reason]').fill('kept');
    await drop(page, [{ name: 'notes.txt', bytes: 'x' }]);
    holds((await refusal(page)).includes('notes.txt is no bundle'), 'the wrong name is said');
    await drop(page, [{ name: 'a.assay', bytes: 'x' }, { name: 'b.assay', bytes: 'x' }]);
    holds((await refusal(page)).includes('One bundle'), 'two at a time are refused');
    const before = await page.locator('table.list tbody tr').count();
    await drop(page, [{ name: 'a.assay', bytes: 'no bundle' }]);
    equal(await refusal(page), '', 'the refusal is gone');
    holds((await page.locator('#hand-in .told').textContent()).startsWith('a.assay'), 'the file is chosen');
    equal(await page.locator('table.list tbody tr').count(), before, 'nothing was sent yet');
    await expectNoise(async () => {
      await send(page);
      await page.waitForFunction(() => document.querySelector('#hand-in .refused').textContent !== '');
    });
    holds((await refusal(page)).includes('does not begin as a bundle does'), 'the station says why');
    await page.locator('[data-check=layout][data-passed=false]').waitFor();
    equal(await page.locator('#hand-in input[name=reason]').inputValue(), 'kept', 'the form is kept');
    await shot(page, 'deployments-refused');
    await page.close();
  });

  test('an upload shows how far it is and can be ended', async () => {
    const { page } = await open('/deployments');
    await page.route('**/api/v1/deployments?**', async (route) => { await new Promise((done) => page.once('close', done)); await route.abort().catch(() => {}); });
    await drop(page, [{ name: 'a.assay', bytes: Buffer.alloc(200_000) }]);
    await send(page);
    await page.locator('#hand-in .upload').waitFor({ state: 'visible' });
    holds(await page.locator('#hand-in button[type=submit]').isDisabled(), 'no second one meanwhile');
    await page.locator('#hand-in .upload button').click();
    holds((await page.locator('#hand-in .told').textContent()).includes('was ended'), 'it was ended');
    holds(!(await page.locator('#hand-in .upload').isVisible()), 'the progress is gone');
    await page.close();
  });

  test('a dropped release shows every check as it passes and can be cancelled in its shadow', async () => {
    const { page } = await open('/deployments');
    page.setDefaultTimeout(180_000);
    await drop(page, [{ name: 'recipe.assay', bytes: readFileSync(join(releases, 'recipe-1.1.0.assay')) }]);
    await send(page);
    for (const step of ['signature', 'authority', 'counter', 'blobs', 'imports', 'compile', 'load time', 'self-test good.png']) {
      await page.locator(`[data-check="${step}"][data-passed=true]`).waitFor();
    }
    await page.locator('#deployments [data-state=shadow], #deployments [data-state=trial]').first().waitFor();
    await shot(page, 'deployments-steps');
    await page.locator('#cancel-deployment').click();
    await page.locator('#deployments section .note', { hasText: 'cancelled on the page' }).waitFor();
    equal(await page.locator('#cancel-deployment').count(), 0, 'nothing is left to cancel');
    holds((await page.locator('main').textContent()).includes('surface-inspection 1.0.0'), 'the recipe before drives');
    await page.close();
  });

  test('the model page shows what was asked and found of the running recipe', async () => {
    const { page } = await open('/model');
    for (const check of ['model size', 'load time', 'latency p95', 'self-test good.png']) {
      await page.locator(`[data-check="${check}"][data-passed=true]`).waitFor();
    }
    holds((await page.locator('main').textContent()).includes('at a start of the station'), 'no deployment brought it');
    const json = await page.evaluate(async () => (await fetch('/api/v1/recipe/qualification')).json());
    equal(json.deployment, null, 'nor for programs');
    equal(json.checks.length, await page.locator('table.steps tbody tr').count(), 'checks of both');
    await shot(page, 'model-gates');
    await page.close();
  });

  test('handing in works on a phone, in the dark and in Chinese', async () => {
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'zh-CN' });
    const { page } = await open('/deployments', phone);
    await page.locator('.drop-hint').waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    holds(overflow <= 0, `nothing is wider than the screen (${overflow} px)`);
    await shot(page, 'deployments-phone-dark-zh');
    await phone.close();
  });
}
