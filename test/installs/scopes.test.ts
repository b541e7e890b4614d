import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../app/config.ts';
import { type Context, createContext } from '../../app/context.ts';
import { hubspotJson } from '../cli/hubspot-command.ts';
import { startWorld, type World } from '../helpers/world.ts';

const PORTAL = 62515;
const SCOPES = ['oauth', 'crm.objects.contacts.read', 'crm.objects.contacts.write', 'timeline'];

describe('the scopes of an install', () => {
  let world: World;
  const opened: Context[] = [];

  beforeAll(async () => {
    world = await startWorld({ settings: { HUBSPOT_OPTIONAL_SCOPES: 'crm.objects.deals.read tickets' } });
    // What the app declares to HubSpot; links may ask for these.
    await world.sandbox.setApp({
      optionalScopes: ['crm.objects.deals.read', 'tickets', 'crm.objects.companies.read'],
    });
  });
  afterAll(async () => {
    for (const ctx of opened) await ctx.close();
    await world.close();
  });

  /** The app as it is after its settings were changed and it was started again. */
  function restarted(settings: Record<string, string>): Context {
    const config = loadConfig({ ...world.settings, ...settings });
    const ctx = createContext(config, world.ctx.logger);
    opened.push(ctx);
    return ctx;
  }

  const status = (ctx = world.ctx) => ctx.services.installs.status(PORTAL);

  it('are requested as required and optional scopes', async () => {
    const begun = await world.request('GET', '/install');
    const { searchParams } = new URL(begun.get('location') ?? '');
    expect(searchParams.get('scope')?.split(' ')).toEqual(SCOPES);
    expect(searchParams.get('optional_scope')?.split(' ')).toEqual(['crm.objects.deals.read', 'tickets']);
  });

  it('are stored as granted, and show what the install may do', async () => {
    expect((await world.install(PORTAL)).status).toBe(200);
    const install = await status();
    expect([...install.scopes].sort()).toEqual([...SCOPES, 'crm.objects.deals.read', 'tickets'].sort());
    for (const scope of [...SCOPES, 'tickets']) expect(install.has(scope)).toBe(true);
    for (const scope of ['crm.objects.deals.write', 'ticket', 'tickets ', '']) {
      expect(install.has(scope)).toBe(false);
    }
    expect(install.missingScopes).toEqual([]);
    expect(await world.json('GET', `/hubid/${PORTAL}`)).toMatchObject({
      missingScopes: [],
      needsConsent: false,
    });
  });

  it('are shown to the operator when optional ones are missing', async () => {
    const HUBSPOT_OPTIONAL_SCOPES = 'tickets crm.objects.companies.read content';
    const shown = await hubspotJson(
      { ...world.settings, HUBSPOT_OPTIONAL_SCOPES },
      ...['installs', 'show', `${PORTAL}`],
    );
    expect(shown).toMatchObject({
      missingScopes: [],
      missingOptionalScopes: ['crm.objects.companies.read', 'content'],
    });
  });

  it('are stored as granted when the user’s account lacks the optional ones', async () => {
    const { url } = await world.sandbox.control('marketplace', { portalId: 62516 });
    await world.sandbox.control('failures', {
      method: 'POST',
      path: '/oauth/*/introspect',
      status: 200,
      body: { active: true, hub_id: 62516, scopes: ['oauth', 'timeline'] },
    });
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(302);
    const install = await world.ctx.services.installs.status(62516);
    expect(install.scopes).toEqual(['oauth', 'timeline']);
    expect(install.missingScopes).toEqual(['crm.objects.contacts.read', 'crm.objects.contacts.write']);
  });

  it('that the settings add mark the install as needing consent', async () => {
    const wanting = restarted({ HUBSPOT_SCOPES: [...SCOPES, 'crm.objects.companies.read'].join(' ') });
    const install = await status(wanting);
    expect(install.missingScopes).toEqual(['crm.objects.companies.read']);
    expect(install.reconnectUrl).toBe(`${world.serverUrl}/install?portalId=${PORTAL}`);
    expect(install.state).toBe('active');
    const all = await wanting.services.installs.list(0, 10);
    expect(all.map(({ portalId, missingScopes }) => [portalId, missingScopes.length])).toEqual([
      [PORTAL, 1],
      [62516, 3],
    ]);
  });

  it('that the settings no longer require need no consent', async () => {
    expect((await status(restarted({ HUBSPOT_SCOPES: 'oauth timeline' }))).missingScopes).toEqual([]);
  });

  it('are complete again after the user has consented', async () => {
    const wanting = restarted({ HUBSPOT_SCOPES: [...SCOPES, 'crm.objects.companies.read'].join(' ') });
    const callback = await world.sandbox.decide(
      unpinned(wanting.services.oauthFlows.begin(PORTAL)),
      'approve',
      PORTAL,
    );
    const { searchParams } = new URL(callback);
    const done = await wanting.services.oauthFlows.finishOwn(
      searchParams.get('code') ?? '',
      searchParams.get('state') ?? '',
      '',
    );
    expect(done.missingScopes).toEqual([]);
    expect(done.has('crm.objects.companies.read')).toBe(true);
  });

  /** The consent form of the helper posts to the address without an account. */
  const unpinned = (url: string) => url.replace(`/${PORTAL}/authorize`, '/authorize');
});

describe('an install that needs consent', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  /** The banner as a person reads it, with the address of its link. */
  async function bannerOf(page: Response): Promise<string> {
    const [banner = ''] = /<aside class="banner".*?<\/aside>/s.exec(await page.text()) ?? [];
    return banner
      .replace(/<a href="([^"]*)"[^>]*>/, '[$1] ')
      .replace(/<[^>]*>/g, '')
      .replace(/\s+/g, ' ')
      .trim();
  }

  const asking = (scopes: string) =>
    'This app has new features that need your consent: ' +
    `${scopes} [${world.serverUrl}/install?portalId&#x3D;${PORTAL}] Give consent`;

  it('shows a banner on the page after the install and on the card’s page, and none when all is granted', async () => {
    const granting = (scopes: string[]) =>
      world.sandbox.control('failures', {
        method: 'POST',
        path: '/oauth/*/introspect',
        status: 200,
        body: { active: true, hub_id: PORTAL, scopes },
      });
    await granting(SCOPES.slice(0, 2));
    expect(await bannerOf(await world.install(PORTAL))).toBe(asking('crm.objects.contacts.write timeline'));

    const cardPage = async () => {
      const card = await world.sandbox.control('card', {
        portalId: PORTAL,
        objectType: 'contact',
        objectId: '101',
      });
      return fetch(card.body.primaryAction.uri);
    };
    expect(await bannerOf(await cardPage())).toBe(asking('crm.objects.contacts.write timeline'));
    expect(await bannerOf(await world.install(PORTAL))).toBe('');
    expect(await bannerOf(await cardPage())).toBe('');
  });

  it('is reported by the API', async () => {
    await world.install(PORTAL);
    await world.ctx.pool.query(`update installs set scopes = '{oauth}'`);
    expect(await world.json('GET', `/hubid/${PORTAL}`)).toMatchObject({
      scopes: ['oauth'],
      missingScopes: SCOPES.slice(1),
      needsConsent: true,
      reconnectUrl: `${world.serverUrl}/install?portalId=${PORTAL}`,
    });
  });
});
