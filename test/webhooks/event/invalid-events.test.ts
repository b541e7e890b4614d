import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EVENT_SCHEMAS, type SubscriptionType } from '../../../app/webhooks/event/handler-event.ts';
import { type AnyWebhookHandler, defineHandler } from '../../../app/webhooks/handler.ts';
import { wakeWebhooks } from '../../../app/webhooks/pipeline/wake.ts';
import { hubspotJson } from '../../cli/hubspot-command.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';

const VALUES = {
  objectId: 101,
  objectTypeId: '0-1',
  propertyName: 'phone',
  messageId: 'm1',
  primaryObjectId: 101,
  mergedObjectIds: [102],
  fromObjectId: 101,
  toObjectId: 301,
};

type Field = keyof typeof VALUES;

const TYPES = Object.keys(EVENT_SCHEMAS) as SubscriptionType[];

/** The fields without which an event of the type is invalid. */
const promisedBy = (type: SubscriptionType) =>
  Object.entries<{ safeParse(value: unknown): { success: boolean } }>(EVENT_SCHEMAS[type].shape)
    .filter(([, schema]) => !schema.safeParse(undefined).success)
    .map(([field]) => field as Field);

/** The promised fields by family, repeated here so that none is dropped by mistake. */
const EXPECTED: readonly [SubscriptionType, readonly Field[]][] = [
  ['contact.creation', ['objectId']],
  ['company.deletion', ['objectId']],
  ['deal.restore', ['objectId']],
  ['ticket.propertyChange', ['objectId', 'propertyName']],
  ['contact.merge', ['primaryObjectId', 'mergedObjectIds']],
  ['line_item.associationChange', ['fromObjectId', 'toObjectId']],
  ['contact.privacyDeletion', ['objectId']],
  ['object.creation', ['objectId', 'objectTypeId']],
  ['object.propertyChange', ['objectId', 'objectTypeId', 'propertyName']],
  ['object.merge', ['objectTypeId']],
  ['object.associationChange', ['fromObjectId', 'toObjectId']],
  ['conversation.newMessage', ['objectId', 'messageId']],
  ['conversation.propertyChange', ['objectId', 'propertyName']],
  ['app.installed', ['objectId']],
];

/** Values that no promised field may have. */
const unusable = fc.constantFrom<unknown>(undefined, null, '', {}, [], true, [[]], { toString: 1 });

/** The events of a delivery; those that name a field lack it. */
const brokenAmongWhole = fc.array(
  fc.constantFrom(...TYPES).chain((type) =>
    fc.record({
      type: fc.constant(type),
      field: fc.option(fc.constantFrom<Field>(...promisedBy(type)), { nil: undefined }),
      value: unusable,
    }),
  ),
  { minLength: 1, maxLength: 60 },
);

const recording = (on: SubscriptionType, seen: unknown[]): AnyWebhookHandler => ({
  name: `on ${on}`,
  on,
  async handle(event) {
    seen.push(event);
  },
});

describe('an event that lacks a field that its type promises', () => {
  it.each(EXPECTED)('%s promises %j', (type, fields) => {
    expect(promisedBy(type).toSorted()).toEqual(fields.toSorted());
  });

  it('reaches no handler, whatever the type and the field, and the other events of its delivery are handled', async () => {
    const seen: unknown[] = [];
    const handlers = TYPES.map((type) => recording(type, seen));
    await inWebhookWorld(handlers, async ({ deliver, settled, query }) => {
      const check = async (
        items: { type: SubscriptionType; field?: Field | undefined; value?: unknown }[],
      ) => {
        seen.length = 0;
        await query('delete from webhook_events');
        await deliver(
          items.map(({ type, field, value }) => ({
            ...aWhole(type),
            ...(field !== undefined && { [field]: value }),
          })),
        );
        await settled();
        const rows = await query(
          `select state, subscription_type as type, attempts, last_error from webhook_events order by occurred_at`,
        );
        expect(rows).toEqual(
          items.map(({ type, field }) =>
            field === undefined
              ? { state: 'done', type, attempts: 1, last_error: null }
              : { state: 'dead', type, attempts: 0, last_error: reasonFor(field) },
          ),
        );
        expect(seen).toHaveLength(items.filter(({ field }) => field === undefined).length);
      };
      // Each field of each type once, then random mixtures.
      await check(TYPES.flatMap((type) => promisedBy(type).map((field) => ({ type, field }))));
      await fc.assert(fc.asyncProperty(brokenAmongWhole, check), { numRuns: 15 });
    });
  });

  it('becomes a dead letter at once, even when an earlier event of its record waits for a retry', async () => {
    const { logger, lines } = createMemoryLog();
    const failing = defineHandler({
      name: 'fails',
      on: 'contact.propertyChange',
      when: { properties: ['phone'] },
      handle: () => Promise.reject(new Error('no stock')),
    });
    await inWebhookWorld(
      [failing],
      async ({ deliver, settled, events, settings }) => {
        await deliver([anEvent()]);
        await until('the failure', async () => (await events(101))[0]?.state === 'retrying');
        await deliver([anEvent({ propertyName: undefined }), anEvent({ objectId: 102 })]);
        await settled();
        const reason = reasonFor('propertyName');
        expect(await events(101)).toMatchObject([
          { state: 'retrying' },
          { state: 'dead', attempts: 0, last_error: reason, run_at: null },
        ]);
        expect(await events(102)).toMatchObject([{ state: 'retrying', attempts: 1 }]);
        expect(lines.filter(({ msg }) => msg.includes('an event is invalid'))).toMatchObject([
          { level: 50, subscriptionType: 'contact.propertyChange', portalId: 62515, reason },
        ]);
        const dead = await hubspotJson(settings, 'webhooks', 'dead');
        expect(dead).toMatchObject([{ type: 'contact.propertyChange', attempts: 0, lastError: reason }]);
      },
      { logger },
    );
  });

  it('reaches no handler when it is replayed or was stored by an earlier version', async () => {
    const seen: unknown[] = [];
    await inWebhookWorld([recording('contact.merge', seen)], async (world) => {
      await world.deliver([{ ...aWhole('contact.merge'), mergedObjectIds: undefined }]);
      await world.settled();
      await world.query(`update webhook_events set state = 'waiting', last_error = null`);
      await wakeWebhooks(world.ctx.pool);
      await world.settled();
      expect(await world.events(101)).toMatchObject([
        { state: 'dead', last_error: reasonFor('mergedObjectIds') },
      ]);
      expect(seen).toEqual([]);
    });
  });

  it('becomes a dead letter when the conditions of its handlers cannot be checked', async () => {
    const handler = defineHandler({
      name: 'emails',
      on: 'contact.propertyChange',
      when: { properties: ['email'] },
      handle: async () => {},
    });
    await inWebhookWorld([handler], async ({ deliver, settled, events }) => {
      await deliver([anEvent({ propertyName: undefined }), anEvent({ propertyName: 'phone' })]);
      await settled();
      expect((await events(101)).map(({ state }) => state)).toEqual(['dead', 'ignored']);
    });
  });
});

describe('an event for another app', () => {
  it('is ignored with a reason and a line in the log, and the other events are handled', async () => {
    const seen: unknown[] = [];
    const { logger, lines } = createMemoryLog();
    await inWebhookWorld(
      [recording('contact.propertyChange', seen)],
      async ({ deliver, settled, events, settings }) => {
        await deliver([
          anEvent({ objectId: 101, appId: 999 }),
          anEvent({ objectId: 102, appId: '193354' }),
          anEvent({ objectId: 103, appId: undefined }),
        ]);
        await settled();
        expect(await events(101)).toMatchObject([
          { state: 'ignored', last_error: 'The event is for app 999; HUBSPOT_APP_ID is 193354.' },
        ]);
        expect([...(await events(102)), ...(await events(103))]).toMatchObject([
          { state: 'done', last_error: null },
          { state: 'done', last_error: null },
        ]);
        expect(seen).toHaveLength(2);
        const reason = 'The event is for app 999; HUBSPOT_APP_ID is 193354.';
        expect(lines.filter((line) => line.reason === reason)).toMatchObject([{ level: 40, events: 1 }]);

        const [{ id, ...listed }] = await hubspotJson(settings, 'webhooks', 'list', '--state', 'ignored');
        expect(listed).toMatchObject({ record: '62515:contact:101', reason });
        expect(await hubspotJson(settings, 'webhooks', 'show', id)).toMatchObject({ lastError: reason });
        // Once the setting is right they can be handled after all.
        const corrected = { ...settings, HUBSPOT_APP_ID: '999' };
        const replayed = await hubspotJson(corrected, 'webhooks', 'replay', '--id', id, '--dry-run');
        expect(replayed).toMatchObject({ changed: 1, unwanted: 0 });
      },
      { logger },
    );
  });
});

it('an event with an invalid app id is ignored and does not hold up the others', async () => {
  const seen: unknown[] = [];
  await inWebhookWorld([recording('contact.propertyChange', seen)], async ({ deliver, settled, query }) => {
    const odd: unknown[] = [
      { toString: 1, valueOf: 1 },
      [],
      {},
      true,
      '',
      'ours',
      '9'.repeat(10_000),
      -1,
      1.5,
    ];
    await deliver([...odd.map((appId) => anEvent({ appId })), anEvent({ objectId: 102, appId: null })]);
    await settled();
    expect(
      await query(
        'select state, last_error, count(*)::int as events from webhook_events group by 1, 2 order by 1',
      ),
    ).toEqual([
      { state: 'done', last_error: null, events: 1 },
      {
        state: 'ignored',
        last_error: 'The event is for an app with an unusable id; HUBSPOT_APP_ID is 193354.',
        events: odd.length,
      },
    ]);
    expect(seen).toHaveLength(1);
  });
});

const reasonFor = (field: Field) => `The event has no usable ${field}, so no handler was called.`;

function aWhole(subscriptionType: SubscriptionType) {
  const { objectId: _, propertyName: __, propertyValue: ___, ...event } = anEvent({ subscriptionType });
  const fields = promisedBy(subscriptionType);
  const whole = { ...event, ...Object.fromEntries(fields.map((field) => [field, VALUES[field]])) };
  // Of another contact: it erases the events of its own.
  return subscriptionType === 'contact.privacyDeletion' ? { ...whole, objectId: 999 } : whole;
}
