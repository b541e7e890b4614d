import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineIntegration } from '#app';
import { VIEWS } from '../helpers/vendor.ts';
import { startWorld, type World } from '../helpers/world.ts';

const FORM = `<form method="post"><input name="token" value="{{token}}"><p>Code by text message</p>
  <p class="problem">{{problem}}</p></form>`;

const integration = defineIntegration({
  name: 'Orders & Co',
  scopes: ['oauth', 'crm.objects.contacts.read', 'crm.objects.contacts.write', 'timeline'],
  optionalScopes: ['tickets'],
  partnerSignIn: {
    async authenticate({ user, code }) {
      return code === '4711' ? user : undefined;
    },
  },
});

describe('the definition of the integration', () => {
  let world: World;
  let views: string;
  beforeAll(async () => {
    views = await mkdtemp(path.join(tmpdir(), 'hubspot-app-views-'));
    await cp(VIEWS, views, { recursive: true });
    await writeFile(path.join(views, 'sign-in.hbs'), FORM);
    // Empty: the definition's scopes count.
    const settings = { HUBSPOT_SCOPES: '', HUBSPOT_OPTIONAL_SCOPES: '' };
    world = await startWorld({ integration, views, settings });
  });
  afterAll(async () => {
    await world.close();
    await rm(views, { recursive: true });
  });

  it('provides name and scopes of the landing page', async () => {
    const json = await world.app('/', { headers: { accept: 'application/json' } });
    expect(await json.json()).toEqual({
      name: 'Orders & Co',
      install: '/install',
      scopes: integration.scopes,
      optionalScopes: ['tickets'],
    });
    const page = await (await world.app('/', { headers: { accept: 'text/html' } })).text();
    expect(page).toContain('<title>Connect Orders &amp; Co to HubSpot</title>');
    expect(page).toContain('<h1>Connect Orders &amp; Co to HubSpot</h1>');
  });

  it('provides the scopes of the install link', async () => {
    const begun = await world.app('/install');
    const asked = new URL(begun.headers.get('location') ?? '').searchParams;
    expect([asked.get('scope'), asked.get('optional_scope')]).toEqual([
      integration.scopes.join(' '),
      'tickets',
    ]);
  });

  it('provides the sign-in with its own form', async () => {
    const { url } = await world.sandbox.control('marketplace', { portalId: 62515, partnerSignIn: true });
    const page = await fetch(url, { redirect: 'manual' });
    const html = await page.text();
    expect(html).toContain('Code by text message');
    const [cookie = ''] = (page.headers.get('set-cookie') ?? '').split(';');
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(html) ?? [];
    const returnUrl = new URL(url).searchParams.get('returnUrl') ?? '';
    const submit = (code: string) =>
      world.app('/partner-sign-in', {
        method: 'POST',
        headers: { cookie },
        body: new URLSearchParams({ returnUrl, token, user: 'Jane', code }),
      });
    expect((await submit('0815')).status).toBe(401);
    const signedIn = await submit('4711');
    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([
      303,
      expect.stringContaining(world.sandboxUrl),
    ]);
  });
});
