// Who may do what, in the browser: first set-up, signing in, users and tokens, the audit log. These tests come last:
// from the first one on the station has users, and everybody signs in.

const NAME = 'ada';
const PASSWORD = 'canada-goose-7';

export function accessTests({ test, browser, open, shot, equal, holds, expectNoise, secret }) {
  const signIn = async (page, name, password = PASSWORD) => {
    await page.fill('input[name=name]', name);
    await page.fill('input[name=password]', password);
    await page.click('form.card button[type=submit]');
  };
  /** A browser of somebody who is signed in, on a page. */
  const as = async (name, path, options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const { page } = await open(path, context);
    await signIn(page, name);
    await page.waitForURL((url) => url.pathname === path);
    return { context, page };
  };
  const noOverflow = async (page, what) => {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    holds(overflow <= 0, `${what}: nothing is wider than the screen (${overflow} px)`);
  };

  test('an open station says so, and its printed secret makes the first admin', async () => {
    holds(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/.test(secret ?? ''), `the station printed a secret: ${secret}`);
    const { page } = await open('/users');
    holds((await page.locator('footer.open').textContent()).includes('no users'), 'the footer says that it is open');
    await page.locator('main').getByText('There are no users yet.').waitFor();
    await page.click('main a[href="/setup"]');
    const fill = async (value) => {
      await page.fill('input[name=secret]', value);
      await page.fill('input[name=name]', NAME);
      await page.fill('input[name=password]', PASSWORD);
      await page.fill('input[name=again]', PASSWORD);
      await page.click('form.card button[type=submit]');
    };
    await expectNoise(async () => {
      await fill('AAAA-BBBB-CCCC-DDDD');
      await page.locator('[role=alert]').waitFor();
    });
    await shot(page, 'setup');
    await fill(secret.toLowerCase());
    await page.waitForURL(/\/login\?note=set-up/);
    await page.locator('[role=status]').waitFor();
    await page.close();
  });

  test('signing in leads to the page that was asked for', async () => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const { page } = await open('/inspections?verdict=pass', context);
    await page.waitForURL(/\/login\?back=/);
    await expectNoise(async () => {
      await signIn(page, NAME, 'wrong-password');
      await page.locator('[role=alert]').waitFor();
    });
    await shot(page, 'login');
    await signIn(page, NAME);
    await page.waitForURL(/\/inspections\?verdict=pass$/);
    equal(await page.locator('header.top .who a').textContent(), NAME, 'who is signed in');
    equal(await page.locator('footer.open').count(), 0, 'the note of the open station is gone');
    await context.close();
  });

  test('users and tokens are made on their page, a token is shown once', async () => {
    const { context, page } = await as(NAME, '/users');
    const add = page.locator('form[action="/users"]');
    await add.locator('[name=name]').fill('ben');
    await add.locator('[name=role]').selectOption('engineer');
    await add.locator('[name=password]').fill(PASSWORD);
    await add.locator('button').click();
    await page.locator('tbody b', { hasText: 'ben' }).waitFor();
    const make = page.locator('form[action="/tokens"]');
    await make.locator('[name=name]').fill('press-3');
    await make.locator('button').click();
    const token = await page.locator('#token').textContent();
    holds(/^assay_[0-9a-f]{32}$/.test(token), `a token: ${token}`);
    await shot(page, 'token');
    await page.click('main a[href="/users"]');
    await page.locator('tbody b', { hasText: 'press-3' }).waitFor();
    holds(!(await page.content()).includes(token), 'it is not shown again');
    await shot(page, 'users');
    await page.setViewportSize({ width: 390, height: 844 });
    await noOverflow(page, 'users on a phone');
    await context.close();
  });

  test('an engineer reads the audit log and is kept from the users', async () => {
    const { context, page } = await as('ben', '/audit');
    const text = await page.locator('main').textContent();
    for (const word of ['set-up', 'user-add', 'token-create', 'wrong-password', 'The chain holds']) holds(text.includes(word), `the page names ${word}`);
    equal(await page.locator('nav a[href="/users"]').count(), 0, 'no way to the users');
    await shot(page, 'audit');
    await expectNoise(async () => {
      await page.goto(new URL('/users', page.url()).href);
      await page.getByText('Your role does not allow this.').waitFor();
    });
    await shot(page, 'not-allowed');
    await context.close();
  });

  test('the pages for access are there in Chinese and on a phone in the dark', async () => {
    const phone = { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'zh-CN' };
    const context = await browser.newContext(phone);
    const { page } = await open('/login', context);
    await noOverflow(page, 'login');
    await shot(page, 'login-zh-phone-dark');
    await signIn(page, NAME);
    await page.waitForURL((url) => url.pathname === '/');
    for (const path of ['/users', '/audit', '/account']) {
      await page.goto(new URL(path, page.url()).href);
      equal(await page.locator('html').getAttribute('lang'), 'zh-CN', path);
      await noOverflow(page, path);
      await shot(page, `${path.slice(1)}-zh-phone-dark`);
    }
    await context.close();
  });

  test('signing out ends the session', async () => {
    const { context, page } = await as(NAME, '/account');
    await page.click('header.top .who button');
    await page.waitForURL(/\/login$/);
    await page.goto(new URL('/', page.url()).href);
    await page.waitForURL(/\/login\?back=/);
    await context.close();
  });
}
