import { describe, expect, it } from '@jest/globals';
import type { PropertyChangeEvent } from '../../app/webhooks/event/handler-event.ts';
import type { AnyWebhookHandler } from '../../app/webhooks/handler.ts';
import { previousValue } from '../../app/webhooks/previous-value.ts';
import { until } from '../helpers/until.ts';
import { anEvent, startWebhookWorld } from '../helpers/webhook-world.ts';

const SCOPES = ['companies', 'deals', 'line_items', 'products', 'custom'].map(
  (type) => `crm.objects.${type}.read`,
);
const WRITES = SCOPES.map((scope) => scope.replace('.read', '.write'));
const ALL = [...SCOPES, ...WRITES, 'tickets'];

/** A world whose handlers record the value of a property before and after a change. */
async function startRecordingWorld() {
  const values: unknown[] = [];
  const types = ['contact', 'company', 'deal', 'ticket', 'line_item', 'product', 'object'] as const;
  type Change = Exclude<PropertyChangeEvent, { subscriptionType: 'conversation.propertyChange' }>;
  const handlers = types.map(
    (type): AnyWebhookHandler => ({
      name: `records ${type}`,
      on: `${type}.propertyChange`,
      handle: async (event: Change, { hubspot }) =>
        void values.push([await previousValue(hubspot, event), event.propertyValue]),
    }),
  );
  const world = await startWebhookWorld(handlers, {
    settings: { HUBSPOT_OPTIONAL_SCOPES: ALL.join(' ') },
  });
  await world.sandbox.setApp({ optionalScopes: ALL, rateLimit: null });
  await world.install();
  return { ...world, values, hubspot: world.ctx.hubspotFor(62515) };
}

describe('the previous value of a changed property', () => {
  it('is read from HubSpot when it delivers a change', async () => {
    const world = await startRecordingWorld();
    try {
      await world.hubspot.contacts.update('101', { phone: '1' });
      await until('the first event', async () => world.values.length === 1);
      await world.hubspot.contacts.update('101', { phone: '' });
      await until('the second event', async () => world.values.length === 2);
      expect(world.values).toEqual([
        ['+1 617 555 0101', '1'],
        ['1', ''],
      ]);
    } finally {
      await world.close();
    }
  });

  it('is known for records of every type, and undefined when the history lacks the change', async () => {
    const world = await startRecordingWorld();
    try {
      const cases = [
        ['company', 'companies', '301', 'city', 'Boston'],
        ['deal', 'deals', '402', 'amount', '3500'],
        ['ticket', 'tickets', '501', 'subject', 'Cannot sign in'],
        ['line_item', 'line_items', '701', 'quantity', '12'],
        ['product', 'products', '601', 'price', '1000'],
        ['object', '2-30001', '901', 'model', 'Press 2'],
      ] as const;
      for (const [subject, type, id, propertyName, before] of cases) {
        world.values.length = 0;
        await world.hubspot.objects(type).update(id, { [propertyName]: '7' });
        const change = {
          subscriptionType: `${subject}.propertyChange`,
          objectId: Number(id),
          propertyName,
          ...(subject === 'object' && { objectTypeId: type }),
          occurredAt: Date.now(),
        };
        await world.deliver([anEvent({ ...change, propertyValue: '7' })]);
        await world.deliver([anEvent({ ...change, propertyValue: '8' })]);
        await world.settled();
        expect([subject, world.values.toSorted()]).toEqual([
          subject,
          [
            [before, '7'],
            [undefined, '8'],
          ].toSorted(),
        ]);
      }
      world.values.length = 0;
      await world.deliver([anEvent({ objectId: 999_999, propertyValue: 'gone' })]);
      await world.settled();
      expect(world.values).toEqual([[undefined, 'gone']]);
    } finally {
      await world.close();
    }
  });
});
