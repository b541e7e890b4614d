import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { DESKTOP, describeInBrowser, ERROR_PAGE, PHONE } from '../helpers/browser.ts';
import { startWorld, type World } from '../helpers/world.ts';

const CONTACT = '/hubid/62515/contact/jane@example.com';

describeInBrowser('the pages in a browser', (pages) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ worker: true });
  });
  afterAll(() => world.close());

  it.each([
    ['a desktop', DESKTOP],
    ['a phone', PHONE],
  ])(
    'a person on %s gets from the landing page to an event on the timeline by clicks alone',
    async (_what, size) => {
      await world.sandbox.control('reset');
      const page = await pages.open(size);
      await page.goto(world.serverUrl);
      await page.getByRole('button', { name: 'Install' }).click();
      await page.getByRole('heading', { name: /^Connect / }).waitFor();
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('heading', { name: 'The app is connected' }).waitFor();
      await page.getByRole('button', { name: 'Go to your HubSpot account' }).click();
      await page.getByRole('heading', { name: 'Sandbox Portal' }).waitFor();
      await page.getByRole('link', { name: 'Jane Doe' }).click();

      const card = page.getByRole('region', { name: 'App card' });
      await card.getByRole('link', { name: 'jane@example.com' }).waitFor();
      const action = card.getByRole('button', { name: 'Open in app' });
      const dialog = page.getByRole('dialog', { name: 'Open in app' });
      const framed = dialog.frameLocator('iframe');

      await action.click();
      await framed.getByRole('heading', { name: 'Jane Doe' }).waitFor();
      await framed.getByText('+1 617 555 0101').waitFor();
      await framed.getByRole('button', { name: 'Done' }).click();
      await dialog.waitFor({ state: 'hidden' });

      await action.click();
      await framed.getByRole('heading', { name: 'Jane Doe' }).waitFor();
      await dialog.getByRole('button', { name: 'Close' }).click();
      await dialog.waitFor({ state: 'hidden' });

      await page.getByRole('button', { name: 'Move to next lifecycle stage' }).click();
      const activity = page.getByRole('region', { name: 'Activity' });
      await activity.getByText('lifecyclestage is now marketingqualifiedlead').waitFor();
      await card.getByText('marketingqualifiedlead').waitFor();
    },
  );

  it('saving a form writes only the fields that the person changed', async () => {
    pages.expectProblem(ERROR_PAGE);
    await world.sandbox.control('reset');
    expect((await world.install()).status).toBe(200);
    const page = await pages.open();
    await page.goto(`${world.sandboxUrl}/portals/62515/contacts/101`);
    const card = page.getByRole('region', { name: 'App card' });
    await card.getByRole('button', { name: 'Make customer' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make customer' }).click();
    // The page shows it without being loaded again, and the focus stays in the card.
    await page.locator('.about').getByText('Customer', { exact: true }).first().waitFor();
    expect(await page.getByRole('combobox').inputValue()).toBe('customer');
    await card.locator('button:focus').waitFor();

    const contact = async () => (await world.json('GET', CONTACT)).properties;
    await world.json('POST', CONTACT, { properties: { lifecyclestage: 'evangelist' } });
    await page.getByLabel('Phone').fill('+1 222');
    await page.getByLabel('E-mail').fill('taro.yamada@example.com');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('Contact already exists').waitFor();
    expect(await page.getByLabel('Last name').inputValue()).toBe('Doe');

    await page.getByLabel('E-mail').fill('jane@example.com');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    expect(await contact()).toMatchObject({
      phone: '+1 222',
      lastname: 'Doe',
      email: 'jane@example.com',
      lifecyclestage: 'evangelist',
    });
  });

  it('a person who declines sees that and can start again', async () => {
    pages.expectProblem(ERROR_PAGE);
    const page = await pages.open();
    await page.goto(world.serverUrl);
    await page.getByRole('button', { name: 'Install' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'The install was declined' }).waitFor();
    await page.getByRole('button', { name: 'Start again' }).click();
    await page.getByRole('heading', { name: /^Connect / }).waitFor();
  });

  it('an install works with the keyboard alone', async () => {
    const page = await pages.open();
    await page.goto(world.serverUrl);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Install');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^Connect / }).waitFor();
    await page.getByRole('button', { name: 'Approve' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'The app is connected' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sandbox Portal' }).waitFor();
  });

  it('the framed page is not displayed on sites other than HubSpot', async () => {
    await world.install();
    const asked = { portalId: 62515, objectType: 'CONTACT', objectId: '101' };
    const { body: card } = await world.sandbox.control('card', asked);
    const elsewhere = createServer((_req, res) => {
      res.setHeader('content-type', 'text/html');
      res.end(
        `<!doctype html><link rel="icon" href="data:,"><iframe src="${card.primaryAction.uri}"></iframe>`,
      );
    }).listen(0);
    const page = await pages.open();
    pages.expectProblem('frame-ancestors');
    pages.expectProblem('net::ERR_BLOCKED_BY_RESPONSE');
    const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
    await page.goto(`http://localhost:${(elsewhere.address() as AddressInfo).port}`);
    await refused;
    elsewhere.close();
  });

  const shown: [string, (page: Page) => Promise<unknown>][] = [
    ['the landing page', (page) => page.goto(world.serverUrl)],
    ['the consent page', (page) => page.goto(`${world.serverUrl}/install`)],
    ['the success page', async (page) => page.goto(await approved())],
    ['the sign-in page for those whom HubSpot sends', (page) => page.goto(signInUrl())],
    ['the sign-in page after a wrong key', (page) => signInWrongly(page)],
    ['the page of an install that was declined', async (page) => page.goto(await declined())],
    [
      'the page of an address that does not exist',
      (page) => page.goto(`${world.serverUrl}/${'no-such-page'.repeat(20)}`),
    ],
    ['the page behind the card', async (page) => page.goto(await cardPage())],
    ['the page behind the card without a ticket', (page) => page.goto(`${world.serverUrl}/hubid/62515/page`)],
    ['the sandbox’s start page', (page) => page.goto(world.sandboxUrl)],
    ['the sandbox’s list of controls', (page) => page.goto(`${world.sandboxUrl}/controls`)],
    ['an account in the sandbox', (page) => page.goto(`${world.sandboxUrl}/portals/62515`)],
    ['a contact in the sandbox', (page) => contact(page)],
    ['a contact in the sandbox with the card’s page open', (page) => openCard(page)],
  ];

  it.each(shown)('%s fits on a phone and passes axe', async (_what, show) => {
    pages.expectProblem(ERROR_PAGE);
    const page = await pages.open(PHONE);
    await show(page);
    expect(await page.evaluate(tooWide)).toEqual([]);
    for (const [size, colorScheme] of [
      [PHONE, 'light'],
      [DESKTOP, 'light'],
      [DESKTOP, 'dark'],
    ] as const) {
      // Otherwise axe may look while colours are still in transition.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize(size);
      // A framed page is looked at by itself, so axe need not gather what it finds from several frames.
      const axe = new AxeBuilder({ page }).exclude('iframe').setLegacyMode(true);
      // The dark page differs in its colours alone.
      if (colorScheme === 'dark') axe.withRules(['color-contrast']);
      const { violations } = await axe.analyze();
      const faults = violations.flatMap(({ id, help, nodes }) =>
        nodes.map(({ target }) => `${colorScheme}: ${id}: ${help}: ${target.join(' ')}`),
      );
      expect(faults).toEqual([]);
    }
  });

  it.each([
    ['an account’s contacts', '/portals/62515', 'Table of contacts'],
    ['the list of controls', '/controls', 'Controls'],
  ])('%s are not cut off on a phone', async (_what, path, name) => {
    const page = await pages.open(PHONE);
    await page.goto(world.sandboxUrl + path);
    const region = page.getByRole('region', { name, exact: true });
    expect(await region.evaluate((it) => it.scrollWidth - it.clientWidth)).toBe(0);
  });

  it('an account’s deliveries are not cut off on a phone', async () => {
    await world.install();
    await world.sandbox.control('webhooks', {
      events: [{ subscriptionType: 'contact.creation', objectId: 101 }],
    });
    const page = await pages.open(PHONE);
    await page.goto(`${world.sandboxUrl}/portals/62515`);
    const region = page.getByRole('region', { name: 'Table of deliveries', exact: true });
    await region.getByText('contact.creation').first().waitFor();
    expect(await region.evaluate((it) => it.scrollWidth - it.clientWidth)).toBe(0);
  });

  it.each<[string, () => string | Promise<string>, string, string]>([
    ['the sandbox’s pages', () => world.sandboxUrl, 'rgb(244, 247, 250)', 'rgb(16, 24, 32)'],
    ['the app’s pages', () => world.serverUrl, 'rgb(244, 246, 248)', 'rgb(18, 23, 29)'],
    ['the page behind the card', () => cardPage(), 'rgb(255, 255, 255)', 'rgb(27, 34, 43)'],
  ])('%s follow the preferred colour scheme', async (_what, address, light, dark) => {
    const page = await pages.open();
    await page.goto(await address());
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const atFirst = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect([atFirst, await ground()]).toEqual([light, dark]);
  });

  /** Where HubSpot's marketplace sends a person who has to sign in with us before an install. */
  const signInUrl = () => {
    const returnUrl = encodeURIComponent(`${world.sandboxUrl}/marketplace`);
    return `${world.serverUrl}/oauth-callback?step=authorize&returnUrl=${returnUrl}`;
  };

  async function signInWrongly(page: Page) {
    await page.goto(signInUrl());
    for (const field of await page.getByRole('textbox').all()) await field.fill('wrong');
    await page.getByLabel('API key').fill('wrong');
    await page.getByRole('button').click();
    await page.getByRole('alert').waitFor();
  }

  async function approved(): Promise<string> {
    const begun = await world.app('/install');
    return world.sandbox.decide(begun.headers.get('location') ?? '', 'approve');
  }

  async function declined(): Promise<string> {
    const begun = await world.app('/install');
    return world.sandbox.decide(begun.headers.get('location') ?? '', 'deny');
  }

  async function cardPage(): Promise<string> {
    await world.install();
    const asked = { portalId: 62515, objectType: 'CONTACT', objectId: '102' };
    const { body } = await world.sandbox.control('card', asked);
    return body.primaryAction.uri;
  }

  async function contact(page: Page) {
    await world.install();
    await page.goto(`${world.sandboxUrl}/portals/62515/contacts/102`);
    await page.getByRole('button', { name: 'Open in app' }).waitFor();
  }

  async function openCard(page: Page) {
    await contact(page);
    await page.getByRole('button', { name: 'Open in app' }).click();
    await page.frameLocator('iframe').getByRole('button', { name: 'Done' }).waitFor();
  }
});

/** Run in the page: what reaches beyond its right edge, other than inside a part that scrolls by itself. */
const tooWide = `(() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
      if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(at).overflowX)) return true;
    }
    return false;
  };
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element))
    .map((element) => element.outerHTML.slice(0, 120));
})()`;
