import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startWorld, type World } from '../helpers/world.ts';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('a server with a wrong client secret', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ settings: { HUBSPOT_CLIENT_SECRET: 'not-the-secret-of-this-app' } });
  });
  afterAll(() => world.close());

  it('says that it is not set up correctly, and keeps the tokens that it has', async () => {
    await world.ctx.installs.store.save(world.ctx.pool, {
      portalId: 62515,
      appId: 193354,
      userId: null,
      userEmail: null,
      hubDomain: null,
      partnerUser: null,
      scopes: [],
      accessToken: 'an-earlier-access-token',
      refreshToken: 'an-earlier-refresh-token',
      accessTokenExpiresAt: new Date(0),
      refreshDueAt: new Date(0),
    });
    const stored = () => world.ctx.installs.tokenStore.find(world.ctx.pool, 62515);

    const begun = await world.request('GET', '/install');
    const url = await world.sandbox.decide(begun.get('location') ?? '', 'approve');
    const answer = await fetch(url, { headers: BROWSER });
    expect(answer.status).toBe(502);
    const text = await answer.text();
    expect(text).toContain('<h1>This app is not set up correctly</h1>');
    expect(text).not.toContain('not-the-secret-of-this-app');

    // A refresh meets the same refusal, and it too is no reason to forget a token.
    const call = await world.apiRequest('GET', '/hubid/62515/contact/jane@example.com');
    expect(call.status).toBe(502);
    const { accessToken, refreshToken, state } = (await stored()) ?? {};
    expect({ accessToken, refreshToken, state }).toEqual({
      accessToken: 'an-earlier-access-token',
      refreshToken: 'an-earlier-refresh-token',
      state: 'active',
    });
  });
});
