import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PortalClient } from '../../../app/hubspot/portal-client.ts';
import { enqueueSlot } from '../../../app/schedule.ts';
import type { HandlerEvent } from '../../../app/webhooks/event/handler-event.ts';
import { type AnyWebhookHandler, defineHandler } from '../../../app/webhooks/handler.ts';
import { hubspotCommand } from '../../cli/hubspot-command.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';
import { until } from '../../helpers/until.ts';
import {
  anEvent,
  inWebhookWorld,
  startWebhookWorld,
  type WebhookWorld,
} from '../../helpers/webhook-world.ts';

const US = '193354';
const TYPES = [
  'contact.propertyChange',
  'contact.creation',
  'contact.deletion',
  'contact.merge',
  'contact.privacyDeletion',
  'contact.associationChange',
  'deal.propertyChange',
  'object.propertyChange',
  'object.associationChange',
] as const;

/** Events by their mark, with what the handlers were told of them. */
const told = new Map<unknown, { all?: boolean; others?: boolean }>();
let marks = 0;

const handlers = TYPES.flatMap((on): AnyWebhookHandler[] => [
  {
    name: `all ${on}`,
    on,
    handle: async ({ raw: { mark }, isOwnWrite }: HandlerEvent) =>
      void told.set(mark, { ...told.get(mark), all: isOwnWrite }),
  },
  {
    name: `others ${on}`,
    on,
    when: { ownWrites: false },
    handle: async ({ raw: { mark }, isOwnWrite }: HandlerEvent) =>
      void told.set(mark, { ...told.get(mark), others: isOwnWrite }),
  },
]);

describe('a change', () => {
  let world: WebhookWorld;
  beforeAll(async () => {
    world = await startWebhookWorld(handlers);
  });
  beforeEach(async () => {
    await world.sandbox.control('reset');
    await world.query('delete from own_writes');
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  const hubspot = () => world.ctx.hubspotFor(62515);

  /** Has HubSpot report a change that happened just now. @returns what the two handlers were told of it. */
  async function reported(fields: Record<string, unknown>) {
    marks += 1;
    const mark = `mark ${marks}`;
    const { subscriptionType = 'contact.propertyChange' } = fields;
    const isChange = String(subscriptionType).endsWith('propertyChange');
    const event = anEvent({ occurredAt: Date.now(), mark, subscriptionType, changeSource: 'API', ...fields });
    await world.deliver([isChange ? event : { ...event, propertyName: undefined, propertyValue: undefined }]);
    await until('its handlers', async () => {
      const [row] = await world.query(`select state from webhook_events where event->>'mark' = $1`, [mark]);
      return row?.state === 'done';
    });
    return told.get(mark);
  }
  const OWN = { all: true };
  const OTHERS = { all: false, others: false };

  describe('with a source', () => {
    it.each([
      ['this app', { changeSource: 'INTEGRATION', sourceId: US }, OWN],
      ['this app, through its API', { changeSource: 'API', sourceId: US }, OWN],
      ['another app', { changeSource: 'INTEGRATION', sourceId: '4711' }, OTHERS],
      ['a user', { changeSource: 'CRM_UI', sourceId: 'userId:7' }, OTHERS],
      ['an import', { changeSource: 'IMPORT', sourceId: US }, OTHERS],
    ])('belongs to %s, even if the ledger says otherwise', async (_who, source, expected) => {
      await hubspot().contacts.update('101', { phone: '1' });
      const change = { objectId: 101, propertyName: 'phone', ...source };
      expect(await reported({ ...change, propertyValue: '1' })).toEqual(expected);
      expect(await reported({ ...change, propertyValue: '2' })).toEqual(expected);
    });

    it('has the correct source in the sandbox when it was made through the API', async () => {
      await hubspot().contacts.update('101', { phone: '+49 30 1' });
      const event = await until('its webhook', async () =>
        (await world.events(101)).find(({ event }) => event.propertyValue === '+49 30 1'),
      );
      expect(event.event).toMatchObject({ changeSource: 'INTEGRATION', sourceId: US, isOwnWrite: true });
    });
  });

  describe('without a source', () => {
    it.each<[string, (hubspot: PortalClient) => Promise<unknown>, Record<string, unknown>]>([
      [
        'an update',
        ({ contacts }) => contacts.update('101', { phone: '1' }),
        { objectId: 101, propertyName: 'phone', propertyValue: '1' },
      ],
      [
        'an update by e-mail address',
        ({ contacts }) => contacts.updateByEmail('jane@example.com', { phone: '1' }),
        { objectId: 101, propertyName: 'phone', propertyValue: '1' },
      ],
      [
        'a value that is emptied',
        ({ contacts }) => contacts.update('101', { phone: null }),
        { objectId: 101, propertyName: 'phone', propertyValue: '' },
      ],
      [
        'a value that HubSpot puts into lower case',
        ({ contacts }) => contacts.update('101', { email: ' Jane.Doe@Example.com' }),
        { objectId: 101, propertyName: 'email', propertyValue: 'jane.doe@example.com' },
      ],
      [
        'an update of a deal, in the words of older and of generic subscriptions',
        ({ deals }) => deals.update('401', { amount: 5 }),
        {
          subscriptionType: 'object.propertyChange',
          objectTypeId: '0-3',
          objectId: 401,
          propertyName: 'amount',
          propertyValue: '5',
        },
      ],
      [
        'a create-or-update',
        ({ contacts }) => contacts.createOrUpdate('jane@example.com', { phone: '1' }),
        { objectId: 101, propertyName: 'phone', propertyValue: '1' },
      ],
      [
        'a batch of updates',
        ({ contacts }) =>
          contacts.batchUpdate([
            { id: '102', properties: { phone: '2' } },
            { id: '101', properties: { phone: '1' } },
          ]),
        { objectId: 102, propertyName: 'phone', propertyValue: '2' },
      ],
      [
        'a batch of upserts',
        ({ contacts }) =>
          contacts.batchUpsert('email', [{ id: 'jane@example.com', properties: { phone: '1' } }]),
        { objectId: 101, propertyName: 'phone', propertyValue: '1' },
      ],
      [
        'a deletion',
        ({ contacts }) => contacts.archive('105'),
        { subscriptionType: 'contact.deletion', objectId: 105 },
      ],
      [
        'a batch of deletions',
        ({ contacts }) => contacts.batchArchive(['104', '105']),
        { subscriptionType: 'contact.deletion', objectId: 105 },
      ],
      [
        'a privacy deletion',
        ({ contacts }) => contacts.gdprDelete('105'),
        { subscriptionType: 'contact.privacyDeletion', objectId: 105 },
      ],
      [
        'a merge',
        ({ contacts }) => contacts.merge('101', '102'),
        {
          subscriptionType: 'contact.merge',
          objectId: 101,
          primaryObjectId: 101,
          mergedObjectIds: [102],
        },
      ],
      [
        'an association, from its other end',
        ({ associations }) =>
          associations.createDefault({ type: 'companies', id: '301' }, { type: 'contacts', id: '105' }),
        {
          subscriptionType: 'contact.associationChange',
          objectId: undefined,
          fromObjectId: 105,
          toObjectId: 301,
          associationType: 'CONTACT_TO_COMPANY',
        },
      ],
      [
        'a batch of associations that end',
        ({ associations }) => associations.batchDelete('contacts', 'companies', [{ from: '101', to: '301' }]),
        {
          subscriptionType: 'contact.associationChange',
          objectId: undefined,
          fromObjectId: 101,
          toObjectId: 301,
          associationRemoved: true,
        },
      ],
    ])('is an own write when it is %s', async (_what, write, change) => {
      await write(hubspot());
      expect(await reported({ ...change, sourceId: undefined })).toEqual(OWN);
    });

    it('is an own write when it is the creation of a record or one of its first values', async () => {
      const { contacts } = hubspot();
      const { id } = await contacts.create({ email: 'new@example.com', phone: '1' });
      const [batch] = await contacts.batchCreate([{ properties: { email: 'newer@example.com' } }]);
      const other = batch?.result?.id;
      expect(await reported({ subscriptionType: 'contact.creation', objectId: Number(id) })).toEqual(OWN);
      expect(await reported({ subscriptionType: 'contact.creation', objectId: Number(other) })).toEqual(OWN);
      expect(await reported({ objectId: Number(id), propertyValue: '1' })).toEqual(OWN);
    });

    it('is an own write when it was made through the API of this server or by a command', async () => {
      await world.json('POST', '/hubid/62515/contact/jane@example.com', { properties: { phone: '7' } });
      expect(await reported({ objectId: 101, propertyValue: '7' })).toEqual(OWN);
      const args = ['contacts', 'update', '101', '--property', 'phone=8'];
      expect(await hubspotCommand(world.settings, ...args)).toMatchObject({ code: 0 });
      expect(await reported({ objectId: 101, propertyValue: '8' })).toEqual(OWN);
    });

    it.each<[string, Record<string, unknown>]>([
      ['another value', { propertyValue: '2' }],
      ['the value in another property', { propertyName: 'jobtitle' }],
      ['the value in another record', { objectId: 102 }],
      ['the value in another portal', { portalId: 62516 }],
      ['the value, but long before the write', { occurredAt: Date.now() - 3_000_000 }],
      ['the deletion of the record', { subscriptionType: 'contact.deletion' }],
    ])('is not an own write when it is %s', async (_what, fields) => {
      await hubspot().contacts.update('101', { phone: '1' });
      expect(await reported({ objectId: 101, propertyValue: '1', ...fields })).toEqual(OTHERS);
    });

    it('is not an own write when HubSpot refused the write', async () => {
      const write = hubspot().contacts.update('101', { phone: 'refused', no_such_property: '1' });
      await expect(write).rejects.toMatchObject({ status: 400 });
      const change = { objectId: 101, propertyName: 'phone', propertyValue: 'refused' };
      expect(await reported(change)).toEqual(OTHERS);
    });

    it('is not an own write when the write was minutes ago', async () => {
      await hubspot().contacts.update('101', { phone: '1' });
      await world.query(`update own_writes set written_at = now() - interval '3 minutes'`);
      expect(await reported({ objectId: 101, propertyValue: '1' })).toEqual(OTHERS);
    });
  });

  it('is stored as digests, with one statement for a batch', async () => {
    const inputs = Array.from({ length: 100 }, (_, index) => ({
      id: String(index + 1_000_000),
      properties: { phone: `secret ${index}`, firstname: 'Jane', lastname: 'Doe' },
    }));
    await hubspot().contacts.batchUpdate(inputs);
    const rows = await world.query('select xmin::text, marks from own_writes');
    const batches = Map.groupBy(rows, ({ xmin }) => xmin);
    // HubSpot knows none of these records; the client may ask again in smaller parts.
    for (const batch of batches.values()) expect(batch.every(({ marks }) => marks.length === 3)).toBe(true);
    expect(Math.max(...[...batches.values()].map(({ length }) => length))).toBe(100);
    expect(batches.size).toBe(
      (await world.sandbox.read('requests?path=/crm/objects/2026-09/contacts/batch/update')).results.length,
    );
    expect(JSON.stringify(rows)).not.toContain('secret');
  });

  it.each([
    { propertyValue: { toString: 1 } },
    { propertyName: ['phone', { toString: 1 }] },
    { sourceId: { toString: 1 } },
    { changeSource: { includes: 1 } },
    { subscriptionType: 'contact.associationChange', fromObjectId: { toString: 1 }, toObjectId: [] },
  ])('does not fail its delivery when its fields are %j', async (fields) => {
    const event = anEvent({ occurredAt: Date.now(), changeSource: 'API', ...fields });
    const mark = JSON.stringify(fields);
    await world.deliver([event, anEvent({ objectId: 103, mark })]);
    await until('the other event', () => told.get(mark));
  });

  it('is sent when the ledger cannot be written', async () => {
    await world.query('alter table own_writes rename to gone');
    try {
      expect(await hubspot().contacts.update('101', { phone: '1' })).toMatchObject({ id: '101' });
    } finally {
      await world.query('alter table gone rename to own_writes');
    }
  });

  it('is deleted from the ledger after fifteen minutes', async () => {
    await hubspot().contacts.update('101', { phone: '1' });
    await world.query(`update own_writes set written_at = now() - interval '16 minutes'`);
    await hubspot().contacts.update('102', { phone: '2' });
    await enqueueSlot(world.ctx, 'prune-own-writes', new Date());
    await until(
      'the older one to go',
      async () => (await world.query('select from own_writes')).length === 1,
    );
  });
});

describe('a handler that writes back', () => {
  /** Writes another value each time. */
  const counts = (when?: { ownWrites: false }) => {
    let last = 0;
    return defineHandler({
      name: 'counts',
      on: 'contact.propertyChange',
      when: { properties: ['phone'], ...when },
      async handle({ objectId }, { hubspot }) {
        last += 1;
        await hubspot.contacts.update(objectId, { phone: String(last) });
      },
    });
  };
  const change = { objectId: 101, propertyName: 'phone' };

  it('does not trigger itself with ownWrites: false', async () => {
    await inWebhookWorld([counts({ ownWrites: false })], async ({ install, deliver, events }) => {
      expect((await install()).status).toBe(200);
      await deliver([anEvent({ ...change, propertyValue: 'a', occurredAt: Date.now() })]);
      const all = await until('the webhook of what it wrote', async () => {
        const rows = await events(101);
        return rows.length === 2 && rows;
      });
      expect(all).toMatchObject([
        { state: 'done', event: { changeSource: 'CRM_UI' } },
        { state: 'ignored', event: { changeSource: 'INTEGRATION', isOwnWrite: true, propertyValue: '1' } },
      ]);
    });
  });

  it('is stopped when it triggers itself: an alarm is raised and its events are kept', async () => {
    const log = createMemoryLog();
    await inWebhookWorld(
      [counts()],
      async ({ install, deliver, events, app }) => {
        expect((await install()).status).toBe(200);
        await deliver([anEvent({ ...change, propertyValue: 'a', occurredAt: Date.now() })]);
        const dead = await until('the loop to end', async () =>
          (await events(101)).find(({ state }) => state === 'dead'),
        );
        expect(dead.event).toMatchObject({ isOwnWrite: true });
        expect(dead.last_error).toContain('add when: { ownWrites: false }');
        const { alarms } = (await (await app('/readyz')).json()) as { alarms: object[] };
        expect(alarms).toMatchObject([
          {
            name: 'webhook_loop:62515:contact.propertyChange phone',
            message: expect.stringContaining(
              'Webhook handlers trigger themselves (counts): contact.propertyChange phone of 62515:contact:101',
            ),
          },
        ]);
        expect(log.lines.some(({ msg }) => msg === 'webhook handlers trigger themselves')).toBe(true);
      },
      { logger: log.logger },
    );
  });

  it('is not a loop when others often write the same property', async () => {
    const seen: unknown[] = [];
    const notes = defineHandler({
      name: 'notes',
      on: 'contact.propertyChange',
      when: { properties: ['phone'] },
      handle: async ({ propertyValue }) => void seen.push(propertyValue),
    });
    await inWebhookWorld([notes], async ({ install, ctx }) => {
      expect((await install()).status).toBe(200);
      const values = Array.from({ length: 12 }, (_, index) => String(index + 10));
      for (const phone of values) await ctx.hubspotFor(62515).contacts.update('101', { phone });
      await until('all of them', () => seen.length === values.length);
      expect(seen.toSorted()).toEqual(values);
    });
  });
});
