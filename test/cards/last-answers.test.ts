import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const CONTACTS = '/crm/objects/2026-09/contacts/*';
const AS_OF = 'Data as of';

describe('a card', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({ worker: true, clock: { now: () => Date.now() + ahead } });
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    ahead = 0;
    await world.sandbox.control('reset');
    for (const portalId of [62515, 62516]) await world.install(portalId);
  });

  /** A request of HubSpot for the example card, signed at the time of the app. */
  async function signed(method: string, path: string, objectId: string, portalId: number) {
    const query = `portalId=${portalId}&associatedObjectId=${objectId}&associatedObjectType=CONTACT`;
    const url = `${world.serverUrl}/crm-extension/contact-overview${path}?${query}`;
    const body = '';
    const timestamp = Date.now() + ahead;
    const headers = signatureHeaders(['v3'], {
      clientSecret: 'sandbox-client-secret',
      method,
      url,
      body,
      timestamp,
    });
    const answer = await fetch(url, { method, headers });
    return { status: answer.status, body: (await answer.json()) as Card };
  }
  const card = (objectId = '101', portalId = 62515) => signed('GET', '', objectId, portalId);

  const hubspotFails = () =>
    world.sandbox.control('failures', {
      path: CONTACTS,
      status: 503,
      times: 1000,
      headers: { 'retry-after': '60' },
    });
  const labels = ({ results: [first] }: Card) => first?.properties.map(({ label }) => label);
  const reads = async () =>
    (await world.sandbox.read(`requests?path=${CONTACTS}`)).results.filter(
      ({ method }: { method: string }) => method === 'GET',
    ).length;

  it('is rendered once for views at the same time', async () => {
    await world.sandbox.control('failures', { path: CONTACTS, delayMs: 500 });
    const before = await reads();
    const views = await Promise.all([card(), card(), card()]);
    expect(views.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await reads()) - before).toBe(1);
    await card();
    expect((await reads()) - before).toBe(2);
  });

  it('shows its last answer, with the time, while HubSpot is unavailable', async () => {
    const fresh = await card();
    await hubspotFails();
    const last = await card();
    expect(last.status).toBe(200);
    expect(labels(fresh.body)).not.toContain(AS_OF);
    expect(labels(last.body)).toEqual([AS_OF, ...(labels(fresh.body) ?? [])]);
    const [asOf] = last.body.results[0]?.properties ?? [];
    expect(Math.abs(Number(asOf?.value) - Date.now())).toBeLessThan(600_000);
  });

  it('opens its page from its last answer after the ticket has expired', async () => {
    await card();
    await hubspotFails();
    ahead = 20 * 60 * 1000;
    const { body } = await card();
    await world.sandbox.control('reset');
    await world.install();
    expect((await fetch(body.primaryAction.uri)).status).toBe(200);
  });

  it('shows no answer that is older than an hour', async () => {
    await card();
    await hubspotFails();
    ahead = 61 * 60 * 1000;
    expect((await card()).status).toBe(503);
  });

  it('shows neither the answer of another record nor of another portal', async () => {
    await card();
    await hubspotFails();
    expect([(await card('102')).status, (await card('101', 62516)).status]).toEqual([503, 503]);
  });

  it('drops its last answer when a webhook event of the record arrives', async () => {
    await card();
    await world.sandbox.control('webhooks', {
      events: [
        {
          subscriptionType: 'contact.propertyChange',
          objectId: 101,
          propertyName: 'phone',
          propertyValue: '1',
        },
      ],
    });
    await until('the event to be stored', async () => {
      const { rows } = await world.ctx.pool.query(
        `select from webhook_events where record = '62515:contact:101'`,
      );
      return rows.length > 0;
    });
    await hubspotFails();
    expect((await card()).status).toBe(503);
  });

  it('drops its last answer when an action runs, even if it fails', async () => {
    await card();
    await hubspotFails();
    expect((await signed('POST', '/actions/make-customer', '101', 62515)).status).toBe(503);
    expect((await card()).status).toBe(503);
  });
});

interface Card {
  readonly results: readonly {
    readonly properties: readonly { readonly label: string; readonly value: unknown }[];
  }[];
  readonly primaryAction: { readonly uri: string };
}
