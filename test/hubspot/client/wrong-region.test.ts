import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { alarmsStore, clearOldCallAlarms } from '../../../app/alarms/index.ts';
import { crmCommands } from '../../../app/cli/crm.ts';
import { explainRefusal } from '../../../app/cli/refusal.ts';
import { HubSpotError } from '../../../app/hubspot/client/errors.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { requestsOf } from '../../helpers/crm-world.ts';
import { expectError } from '../../helpers/expect-error.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const PORTAL = 62515;
const OBJECTS = '/crm/objects/2026-09';
const SENTENCE = 'Hub 62515 is unknown to this Hublet, but it appears to exist in Hublet eu1';
const HEADERS = { 'x-hubspot-correct-hublet': 'eu1' };
const BODY = { status: 'error', message: SENTENCE, correlationId: 'x', correctHublet: 'eu1' };
const HUBLET = { status: 488, headers: HEADERS, body: BODY };
/** Later than any call ends. */
const LATER = { 'retry-after': '60' };

/** Answers of other statuses that name the right region, in the body or in the header. */
const ANSWERS: [string, Record<string, unknown>][] = [
  ['488', HUBLET],
  ['488 without a region', { status: 488, body: { status: 'error', message: 'Wrong Hublet.' } }],
  [
    '404 and the region in its body',
    { status: 404, body: { category: 'OBJECT_NOT_FOUND', correctHublet: 'eu1' } },
  ],
  ['404 in HTML and the region in its header', { status: 404, headers: HEADERS, body: '<html>no</html>' }],
  ['400 and the region', { status: 400, body: { category: 'VALIDATION_ERROR', correctHublet: 'eu1' } }],
  ['401 and the region', { status: 401, headers: HEADERS, body: { category: 'INVALID_AUTHENTICATION' } }],
  ['403 and the region', { status: 403, headers: HEADERS, body: { category: 'MISSING_SCOPES' } }],
  ['409 and the region', { status: 409, headers: HEADERS, body: { category: 'CONFLICT' } }],
];

describe('a response from the wrong region', () => {
  const memory = createMemoryLog();
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({
      worker: true,
      clock: { now: () => Date.now() + ahead },
      logger: memory.logger,
      settings: {
        HUBSPOT_RATE_LIMIT: '0',
        HUBSPOT_SEARCH_RATE_LIMIT: '0',
        HUBSPOT_DEVELOPER_API_KEY: 'sandbox-developer-key',
      },
    });
    await world.sandbox.setApp({ rateLimit: null, searchRateLimit: null });
    await world.install();
  });
  beforeEach(async () => {
    ahead = 0;
    memory.lines.length = 0;
    await world.ctx.pool.query('delete from alarms');
  });
  afterAll(() => world.close());

  const fail = (failure: Record<string, unknown>) => world.sandbox.control('failures', failure);
  const hubspot = () => world.ctx.hubspotFor(PORTAL);
  const refreshes = async () => (await world.sandbox.read(`tokens?portalId=${PORTAL}`)).results[0].refreshes;
  const alarms = async () => (await alarmsStore.list(world.ctx.pool)).map(({ name }) => name);

  it.each(ANSWERS)('with %s is retried without a refresh', async (_what, answer) => {
    await fail({ method: 'GET', path: `${OBJECTS}/contacts/*`, ...answer });
    const before = await refreshes();
    const requests = await requestsOf(world.sandbox, async () => {
      expect((await hubspot().contacts.getByEmail('jane@example.com')).id).toBe('101');
    });
    expect(requests).toHaveLength(2);
    expect(await refreshes()).toBe(before);
  });

  it.each(ANSWERS)('with %s is never treated as a missing record', async (_what, answer) => {
    const headers = { ...(answer.headers as object), ...LATER };
    await fail({ path: `${OBJECTS}/contacts/101`, ...answer, headers });
    const error = await hubspot()
      .contacts.get('101')
      .catch((it) => it);
    expect(error).toMatchObject({ status: 488, transient: true, maybeDone: false });
  });

  it('is retried once for every kind of call, because HubSpot did not process it', async () => {
    const { contacts, companies } = hubspot();
    await fail({ method: 'POST', path: `${OBJECTS}/companies`, ...HUBLET });
    const { id } = await companies.create({ name: 'Region Ltd' });
    await fail({ method: 'PATCH', path: `${OBJECTS}/companies/*`, ...HUBLET });
    expect((await companies.update(id, { name: 'Region' })).properties.name).toBe('Region');
    await fail({ path: `${OBJECTS}/contacts/batch/read`, ...HUBLET });
    const read = await contacts.batchRead(['101', '102']);
    expect(read.map(({ result }) => result?.id)).toEqual(['101', '102']);
    await fail({ path: `${OBJECTS}/companies/batch/create`, ...HUBLET });
    expect(await companies.batchCreate([{ properties: { name: 'Many regions' } }])).toMatchObject([
      { result: { properties: { name: 'Many regions' } } },
    ]);
    await fail({ path: `${OBJECTS}/companies/search`, ...HUBLET });
    const found: string[] = [];
    const filters = [{ propertyName: 'name', operator: 'EQ', value: 'Region' }] as const;
    for await (const record of companies.search({ filters })) found.push(record.id);
    expect(found).toEqual([id]);
  });

  it('that persists names the region to the caller, in the log and in an alarm, which the next success clears', async () => {
    const lasting = { path: `${OBJECTS}/contacts/*`, ...HUBLET, headers: { ...HEADERS, ...LATER } };
    await fail(lasting);
    const answer = await world.api('GET', `/hubid/${PORTAL}/contact/jane@example.com`);
    expect(answer.headers.get('retry-after')).toBe('60');
    expect(await expectError(answer, 503, 'hubspot_unavailable')).toBe(
      'HubSpot answered from a data region that does not know this account, which is in eu1. ' +
        'Nothing was lost; try again shortly.',
    );
    const line = memory.lines.find(({ msg }) => msg === 'a call to HubSpot failed');
    expect(line).toMatchObject({ portalId: PORTAL, status: 488, region: 'eu1' });
    const [alarm] = await until('the alarm', async () => {
      const listed = await alarmsStore.list(world.ctx.pool);
      return listed.length > 0 && listed;
    });
    expect(alarm).toMatchObject({ name: ALARM, message: expect.stringContaining('which is in eu1') });

    await hubspot().contacts.get('101');
    await until('the alarm to end', async () => (await alarms()).length === 0);
  });

  it('raises an alarm that expires when no process fails any more', async () => {
    await alarmsStore.raise(world.ctx.pool, ALARM, 'raised by another process');
    await clearOldCallAlarms(world.ctx.pool, Date.now() + 10 * MINUTE);
    expect(await alarms()).toEqual([ALARM]);
    await clearOldCallAlarms(world.ctx.pool, Date.now() + 30 * MINUTE);
    expect(await alarms()).toEqual([]);
  });

  it('names the region on the command line', async () => {
    await fail({ path: `${OBJECTS}/contacts/*`, ...HUBLET, headers: { ...HEADERS, ...LATER } });
    const { problem } = await runInProcess(world.ctx, crmCommands, 'contacts', 'get', '101');
    expect(problem).toBeInstanceOf(HubSpotError);
    expect(explainRefusal(problem as HubSpotError)).toBe(
      `HubSpot: GET ${OBJECTS}/contacts/101: 488 (the account is in eu1): ${SENTENCE}\n` +
        '  HubSpot answered from a data region that does not know this account, which is in eu1. ' +
        'Try again shortly.',
    );
  });

  it('does not end an accepted app event, nor report that its contact is gone', async () => {
    await fail({ path: '/integrators/*', ...HUBLET });
    const answer = await world.api('PUT', `/hubid/${PORTAL}/timeline/jane@example.com`, { id: 'region' });
    expect(answer.status).toBe(202);
    await fail({ path: `${OBJECTS}/contacts/*`, status: 404, headers: { ...HEADERS, ...LATER } });
    await fail({ path: '/integrators/*', ...HUBLET, status: 409 });
    const state = async () =>
      (await world.ctx.pool.query(`select state, last_error from timeline_events where id = 'region'`))
        .rows[0];
    const hurry = async () => {
      await world.ctx.pool.query(
        `select graphile_worker.reschedule_jobs(array_agg(id), run_at := now()) from graphile_worker._private_jobs`,
      );
      await world.ctx.pool.query(`select pg_notify('jobs:insert', '{"count":1}')`);
    };
    await until('the event to be sent', async () => {
      await hurry();
      return (await state()).state === 'sent';
    });
    const { results } = await world.sandbox.read(`timeline?portalId=${PORTAL}&email=jane@example.com`);
    expect(results.filter((event: { id: string }) => event.id === 'region')).toHaveLength(1);
    expect((await world.sandbox.read('failures')).results).toEqual([]);
  });

  it('does not count as missing webhook settings, which are read again', async () => {
    await fail({ path: '/app-webhooks/*/settings', ...HUBLET, status: 404 });
    const { targetUrl } = await world.ctx.services.webhooks.subscriptions.compare();
    expect(targetUrl.hubspot).toBe(targetUrl.wanted);
  });

  it('does not end an install, whatever its error code is', async () => {
    ahead = 26 * MINUTE;
    const body = { status: 'BAD_REFRESH_TOKEN', error: 'invalid_grant', correctHublet: 'eu1' };
    await fail({ path: '/oauth/*', status: 400, body });
    await expect(world.ctx.services.tokens.refreshNow(PORTAL)).rejects.toMatchObject({
      code: 'hubspot_unavailable',
      message: expect.stringContaining('(the account is in eu1)'),
    });
    expect(await world.ctx.services.installs.status(PORTAL)).toMatchObject({
      state: 'backing_off',
      stateReason: '400 BAD_REFRESH_TOKEN (the account is in eu1)',
    });
    ahead += 10 * MINUTE;
    await world.ctx.services.tokens.refreshNow(PORTAL);
  });
});

const MINUTE = 60_000;
const ALARM = `wrong_region:${PORTAL}`;
