import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HubSpotError } from '../../app/hubspot/client/errors.ts';
import { createHubSpotHttp } from '../../app/hubspot/client/http.ts';
import { expectError } from '../helpers/expect-error.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const EMAIL = 'jane@example.com';
const CONTACT = `/hubid/62515/contact/${EMAIL}`;
const TIMELINE = `/hubid/62515/timeline/${EMAIL}`;

/** What HubSpot's trouble looks like, and the `Retry-After` that our caller then gets. */
const TROUBLES: [string, Record<string, unknown>, string][] = [
  ['answers with 500', { status: 500, body: { status: 'error', message: 'internal error' } }, '5'],
  ['answers with 502 in HTML', { status: 502, body: '<html><h1>Bad gateway</h1></html>' }, '5'],
  ['answers with 503', { status: 503 }, '5'],
  [
    'limits the rate',
    { status: 429, headers: { 'Retry-After': '7' }, body: { category: 'RATE_LIMITS' } },
    '7',
  ],
  ['limits the rate without saying for how long', { status: 429 }, '5'],
  ['has locked the record', { status: 423 }, '5'],
  ['moves the account to another region', { status: 477, headers: { 'Retry-After': '86400' } }, '86400'],
  ['answers from the wrong region', { status: 488, body: { correctHublet: 'eu1' } }, '5'],
  [
    'calls a record unknown in the wrong region',
    { status: 404, headers: { 'x-hubspot-correct-hublet': 'eu1' } },
    '5',
  ],
  ['answers with 200 in HTML', { status: 200, body: '<html>Maintenance</html>' }, '5'],
  ['answers with 200 and JSON cut short', { status: 200, body: '{"id":' }, '5'],
  ['redirects', { status: 302, headers: { location: 'http://localhost:1/' } }, '5'],
  ['closes the connection', { status: 0 }, '5'],
];

describe('while HubSpot', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({
      worker: true,
      callsOnce: true,
      // What follows a refusal for the rate is not to wait for its end.
      settings: { HUBSPOT_RATE_LIMIT: '0' },
      clock: { now: () => Date.now() + ahead },
    });
    expect((await world.install()).status).toBe(200);
  });
  beforeEach(() => {
    ahead = 0;
  });
  afterAll(() => world.close());

  const fail = (failure: Record<string, unknown>) => world.sandbox.control('failures', failure);

  describe.each(TROUBLES)('%s', (_what, trouble, retryAfter) => {
    it('reading and writing a contact is answered with 503 and Retry-After', async () => {
      await fail({ path: '/crm/*', times: 2, ...trouble });
      for (const answer of [
        await world.api('GET', CONTACT),
        await world.api('POST', CONTACT, { properties: { firstname: 'Jane' } }),
      ]) {
        expect(answer.headers.get('retry-after')).toBe(retryAfter);
        const message = await expectError(answer, 503, 'hubspot_unavailable');
        expect(message).toMatch(
          /^HubSpot (is currently unavailable|.* which is in eu1)\. Nothing was lost; try again shortly\.$/,
        );
      }
      expect((await world.api('GET', CONTACT)).status).toBe(200);
    });

    it('a card and its page are answered with 503', async () => {
      const asked = { portalId: 62515, objectType: 'CONTACT', objectId: '101' };
      const { body: card } = await world.sandbox.control('card', asked);
      await fail({ path: '/crm/*', times: 2, ...trouble });
      // Not rendered before, so there is no last answer to show.
      expect(await world.sandbox.control('card', { ...asked, objectId: '102' })).toMatchObject({
        status: 503,
        body: { error: { code: 'hubspot_unavailable' } },
      });
      const page = await fetch(card.primaryAction.uri, { headers: { accept: 'text/html' } });
      expect(page.status).toBe(503);
      expect(await page.text()).toContain('<h1>Not available now</h1>');
    });

    it('a timeline event is accepted with 202, stored, and sent once when HubSpot is back', async () => {
      await fail({ path: '/integrators/*', ...trouble });
      const answer = await world.api('PUT', TIMELINE, { properties: { title: retryAfter, source: 'test' } });
      const { id, ...told } = (await answer.json()) as { id: string };
      expect([answer.status, told]).toEqual([
        202,
        { success: true, hubId: '62515', email: EMAIL, state: 'waiting' },
      ]);
      expect(await stateOf(id)).toBe('waiting');
      expect(await sent(id)).toBe(0);
      await hurry();
      await until('the event to be sent', async () => (await stateOf(id)) === 'sent');
      expect(await sent(id)).toBe(1);
    });
  });

  it('accepts an event but its answer is lost, the event is on the timeline once', async () => {
    await fail({ path: '/integrators/*', status: 0, afterwards: true });
    const answer = await world.api('PUT', TIMELINE);
    const { id } = (await answer.json()) as { id: string };
    expect(answer.status).toBe(202);
    expect(await sent(id)).toBe(1);
    await hurry();
    await until('the event to be settled', async () => (await stateOf(id)) === 'sent');
    expect(await sent(id)).toBe(1);
  });

  it('is slow, the caller waits and gets the answer', async () => {
    await fail({ path: '/crm/*', delayMs: 300 });
    const started = performance.now();
    expect((await world.api('GET', CONTACT)).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThanOrEqual(295);
  });

  it('does not answer, the request times out and may be retried later', async () => {
    // A path of its own: on a slow machine the request may be given up before it is sent.
    await fail({ path: '/crm/slow', delayMs: 500 });
    const send = createHubSpotHttp(world.sandboxUrl, world.ctx.logger, 100);
    const answer = send({ method: 'GET', path: '/crm/slow' });
    await expect(answer).rejects.toBeInstanceOf(HubSpotError);
    await expect(answer).rejects.toMatchObject({
      transient: true,
      message: 'HubSpot: GET /crm/slow: no answer (ETIMEDOUT)',
    });
  });

  it('cannot uninstall the app, the install is unchanged', async () => {
    await fail({ path: '/appinstalls/*', status: 500 });
    await expectError(await world.api('DELETE', '/hubid/62515'), 503, 'hubspot_unavailable');
    expect(await (await world.api('GET', '/hubid/62515')).json()).toMatchObject({ state: 'active' });
    expect((await world.api('GET', CONTACT)).status).toBe(200);
  });

  it('reports a missing scope, the answer names it', async () => {
    await fail({ path: '/crm/*', status: 403, body: { category: 'MISSING_SCOPES' } });
    await expectError(await world.api('GET', CONTACT), 403, 'missing_scopes');
  });

  it('answers 403 for another reason, the answer does not ask for a new install', async () => {
    await fail({ path: '/crm/*', status: 403, body: { category: 'BANNED' } });
    await expectError(await world.api('GET', CONTACT), 502, 'hubspot_error');
    const errors = [{ message: 'One is required.', context: { requiredGranularScopes: ['tickets'] } }];
    await fail({ path: '/crm/*', status: 403, body: { errors } });
    await expectError(await world.api('GET', CONTACT), 403, 'missing_scopes');
  });

  it('does not refresh tokens, a valid token is still used', async () => {
    ahead = 26 * 60 * 1000;
    await fail({ path: '/oauth/*', status: 500 });
    expect((await world.api('GET', CONTACT)).status).toBe(200);
    expect((await world.api('GET', CONTACT)).status).toBe(200);
  });

  it('does not refresh tokens, calls that need a new one get 503 and the tokens are kept', async () => {
    ahead = 90 * 60 * 1000;
    await fail({ path: '/oauth/*', status: 503 });
    const before = await storedTokens();
    for (const _ of ['the call that tries', 'one that need not try again so soon']) {
      const answer = await world.api('GET', CONTACT);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(await expectError(answer, 503, 'hubspot_unavailable')).toContain('Its tokens are kept.');
    }
    expect((await world.api('PUT', TIMELINE)).status).toBe(202);
    expect(await storedTokens()).toEqual(before);
    ahead += 10_000;
    expect((await world.api('GET', CONTACT)).status).toBe(200);
  });

  async function sent(id: string): Promise<number> {
    const { results } = await world.sandbox.read(`timeline?portalId=62515&email=${EMAIL}`);
    return results.filter((event: { id: string }) => event.id === id).length;
  }

  async function stateOf(id: string): Promise<string> {
    const { rows } = await world.ctx.pool.query('select state from timeline_events where id = $1', [id]);
    return rows[0]?.state;
  }

  /** The retry is due in a minute; here it is due now. */
  async function hurry() {
    const { pool } = world.ctx;
    await pool.query(
      `select graphile_worker.reschedule_jobs(array_agg(id), run_at := now()) from graphile_worker._private_jobs`,
    );
    // What the queue itself says when a job comes in: the worker looks at once.
    await pool.query(`select pg_notify('jobs:insert', '{"count":1}')`);
  }

  async function storedTokens() {
    const { rows } = await world.ctx.pool.query('select access_token, refresh_token from installs');
    return rows;
  }
});
