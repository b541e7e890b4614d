import { describe, expect, it } from '@jest/globals';
import { promisedFields } from '../../app/services/webhook-event-fields.ts';
import { type AnyWebhookHandler, defineHandler, type SubscriptionType } from '../../app/webhooks/handler.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { anEvent, inWebhookWorld } from '../helpers/webhook-world.ts';

const VALUES: Record<string, unknown> = {
  ...{ objectId: 101, objectTypeId: '0-1', propertyName: 'phone', messageId: 'm1' },
  ...{ primaryObjectId: 101, mergedObjectIds: [102], fromObjectId: 101, toObjectId: 301 },
};

/** A type of each kind of change, with what its events are promised to have. */
const PROMISES: readonly [SubscriptionType, readonly string[]][] = [
  ['contact.creation', ['objectId']],
  ['company.deletion', ['objectId']],
  ['deal.restore', ['objectId']],
  ['ticket.propertyChange', ['objectId', 'propertyName']],
  ['contact.merge', ['primaryObjectId', 'mergedObjectIds']],
  ['line_item.associationChange', ['fromObjectId', 'toObjectId']],
  ['object.creation', ['objectId', 'objectTypeId']],
  ['object.propertyChange', ['objectId', 'objectTypeId', 'propertyName']],
  ['object.merge', ['objectTypeId']],
  ['object.associationChange', ['fromObjectId', 'toObjectId']],
  ['conversation.newMessage', ['objectId', 'messageId']],
  ['conversation.propertyChange', ['objectId', 'propertyName']],
];

/** Values that are there and of no use. */
const UNUSABLE: readonly unknown[] = [undefined, null, '', {}, []];

const recording = (on: SubscriptionType, seen: unknown[]): AnyWebhookHandler =>
  defineHandler({
    name: `on ${on}`,
    on,
    async handle(event: unknown) {
      seen.push(event);
    },
  });

describe('an event that lacks a field that its type promises', () => {
  it.each(PROMISES)('%s promises %j', (type, fields) => {
    expect(promisedFields(type)).toEqual(fields);
  });

  it('becomes a dead letter with the reason, and no handler is called', async () => {
    const seen: unknown[] = [];
    const handlers = PROMISES.map(([type]) => recording(type, seen));
    await inWebhookWorld(handlers, async ({ deliver, settled, query }) => {
      const whole = PROMISES.map(([type, fields]) => aWhole(type, fields));
      const broken = PROMISES.flatMap(([type, fields]) =>
        fields.flatMap((field) => UNUSABLE.map((value) => ({ ...aWhole(type, fields), [field]: value }))),
      );
      // Each delivery holds events that can be handled too.
      await deliver([...whole, ...broken.slice(0, 50)]);
      await deliver(broken.slice(50));
      await settled();
      const states = await query(
        'select state, count(*)::int as events from webhook_events group by 1 order by 1',
      );
      // Broken copies of one event may have the same identity.
      expect(states.find(({ state }) => state === 'dead')?.events).toBeGreaterThanOrEqual(PROMISES.length);
      expect(states.map(({ state }) => state)).toEqual(['dead', 'done']);
      expect(seen).toHaveLength(whole.length);
      const reasons =
        await query(`select distinct attempts, last_error from webhook_events where state = 'dead'
        and subscription_type = 'contact.merge' order by 2`);
      expect(reasons).toEqual([
        { attempts: 1, last_error: 'The event has no usable mergedObjectIds, so no handler was called.' },
        { attempts: 1, last_error: 'The event has no usable primaryObjectId, so no handler was called.' },
      ]);
    });
  });

  it('becomes a dead letter though the conditions of its handlers cannot be checked', async () => {
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
  it('is ignored with the reason and a line in the log, and the others are handled', async () => {
    const seen: unknown[] = [];
    const { logger, lines } = createMemoryLog();
    await inWebhookWorld(
      [recording('contact.propertyChange', seen)],
      async ({ deliver, settled, events }) => {
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
        expect(lines.filter(({ appId }) => appId === 999)).toMatchObject([{ level: 40, events: 1 }]);
      },
      { logger },
    );
  });
});

function aWhole(subscriptionType: string, fields: readonly string[]) {
  const { objectId: _, propertyName: __, propertyValue: ___, ...event } = anEvent({ subscriptionType });
  return { ...event, ...Object.fromEntries(fields.map((field) => [field, VALUES[field]])) };
}
