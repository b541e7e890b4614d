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

/** A world whose handlers note what a property was and is. */
async function startNotingWorld() {
  const told: unknown[] = [];
  const types = ['contact', 'company', 'deal', 'ticket', 'line_item', 'product', 'object'] as const;
  type Change = Exclude<PropertyChangeEvent, { subscriptionType: 'conversation.propertyChange' }>;
  const handlers = types.map(
    (type): AnyWebhookHandler => ({
      name: `noting ${type}`,
      on: `${type}.propertyChange`,
      handle: async (event: Change, { hubspot }) =>
        void told.push([await previousValue(hubspot, event), event.propertyValue]),
    }),
  );
  const world = await startWebhookWorld(handlers, {
    settings: { HUBSPOT_OPTIONAL_SCOPES: ALL.join(' ') },
  });
  await world.sandbox.setApp({ optionalScopes: ALL, rateLimit: null });
  await world.install();
  return { ...world, told, hubspot: world.ctx.hubspotFor(62515) };
}

describe('the previous value of a changed property', () => {
  it('stands beside the new one when HubSpot delivers a change', async () => {
    const world = await startNotingWorld();
    try {
      await world.hubspot.contacts.update('101', { phone: '1' });
      await until('the first event', async () => world.told.length === 1);
      await world.hubspot.contacts.update('101', { phone: '' });
      await until('the second event', async () => world.told.length === 2);
      expect(world.told).toEqual([
        ['+1 617 555 0101', '1'],
        ['1', ''],
      ]);
    } finally {
      await world.close();
    }
  });

  it('is told of records of every type, and only where the history has the change', async () => {
    const world = await startNotingWorld();
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
        world.told.length = 0;
        await world.hubspot.objects(type).update(id, { [propertyName]: '7' });
        const change = {
          ...{ subscriptionType: `${subject}.propertyChange`, objectId: Number(id), propertyName },
          ...(subject === 'object' && { objectTypeId: type }),
          occurredAt: Date.now(),
        };
        await world.deliver([anEvent({ ...change, propertyValue: '7' })]);
        await world.deliver([anEvent({ ...change, propertyValue: '8' })]);
        await world.settled();
        expect([subject, world.told.toSorted()]).toEqual([
          subject,
          [
            [before, '7'],
            [undefined, '8'],
          ].toSorted(),
        ]);
      }
      world.told.length = 0;
      await world.deliver([anEvent({ objectId: 999_999, propertyValue: 'gone' })]);
      await world.settled();
      expect(world.told).toEqual([[undefined, 'gone']]);
    } finally {
      await world.close();
    }
  });
});
