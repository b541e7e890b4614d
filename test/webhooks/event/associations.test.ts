import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventOf } from '../../../app/webhooks/event/handler-event.ts';
import { defineHandler } from '../../../app/webhooks/handler.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, startWebhookWorld, type WebhookWorld } from '../../helpers/webhook-world.ts';

const CONTACT = { type: 'contacts', id: '103' };
const COMPANY = { type: 'companies', id: '302' };
const SCOPES = ['crm.objects.companies.read', 'crm.objects.companies.write'];

describe('a change of an association', () => {
  let world: WebhookWorld;
  const handled: EventOf<'object.associationChange'>[] = [];
  let isHeld = true;
  beforeAll(async () => {
    const handlers = [
      defineHandler({
        name: 'of contacts and companies',
        on: 'object.associationChange',
        when: { objectTypeIds: ['0-1', '0-2'] },
        handle: async (event) => void handled.push(event),
      }),
      defineHandler({
        name: 'of deals',
        on: 'object.associationChange',
        when: { objectTypeIds: ['0-3'] },
        handle: () => Promise.reject(new Error('no deal was associated')),
      }),
      defineHandler({
        name: 'holds its record',
        on: 'company.restore',
        handle: async () => {
          if (isHeld) throw new Error('not now');
        },
      }),
    ];
    world = await startWebhookWorld(handlers, {
      settings: {
        HUBSPOT_DEVELOPER_API_KEY: 'sandbox-developer-key',
        HUBSPOT_OPTIONAL_SCOPES: SCOPES.join(' '),
      },
    });
    await world.sandbox.setApp({ optionalScopes: SCOPES });
    await world.install();
    await world.ctx.services.webhooks.subscriptions.apply({ deleteUndeclared: true });
  });
  afterAll(() => world.close());

  const eventsOf = (record: string) =>
    world.ctx.services.webhooks.ledger.list({ object: record, types: ['object.associationChange'] }, 10);

  it('reaches the handlers of its object type, and belongs to the record at its from end', async () => {
    await world.ctx.hubspotFor(62515).associations.createDefault(CONTACT, COMPANY);
    await until('the events of both ends', () => handled.length === 2);
    await world.settled();
    expect(handled.map(({ fromObjectTypeId }) => fromObjectTypeId).sort()).toEqual(['0-1', '0-2']);
    for (const record of ['contact:103', 'company:302']) {
      expect(await eventsOf(record)).toMatchObject([{ record: `62515:${record}`, state: 'done' }]);
    }
  });

  it('is a different event when the type of its to end differs', async () => {
    const change = anEvent({
      subscriptionType: 'object.associationChange',
      objectId: undefined,
      propertyName: undefined,
      fromObjectId: 7,
      fromObjectTypeId: '0-2',
      toObjectId: 8,
    });
    await world.deliver(['0-3', '0-5'].map((toObjectTypeId) => ({ ...change, toObjectTypeId })));
    await world.settled();
    expect(await eventsOf('company:7')).toHaveLength(2);
  });

  it('is stored whatever its ids are, also when they are longer than an index can hold', async () => {
    const change = anEvent({
      subscriptionType: 'company.associationChange',
      objectId: undefined,
      propertyName: undefined,
      fromObjectId: randomBytes(6_000).toString('base64'),
      toObjectId: randomBytes(6_000).toString('base64'),
    });
    await world.deliver([change, anEvent({ subscriptionType: 'deal.creation', objectId: 7 })]);
    await world.settled();
    const stored = await world.query(
      'select state from webhook_events where portal_id = 62515 and delivery_id = $1',
      [(await world.query('select max(id) as id from webhook_deliveries'))[0].id],
    );
    expect(stored).toEqual([{ state: 'ignored' }, { state: 'ignored' }]);
  });

  it('is erased with the contact at either end, whether done, waiting or late, and kept otherwise', async () => {
    const [gone, kept] = [201, 202];
    const ends = { objectId: undefined, propertyName: undefined, propertyValue: undefined };
    const generic = { subscriptionType: 'object.associationChange', ...ends };
    const types = { fromObjectTypeId: '0-2', toObjectTypeId: '0-1' };
    const older = {
      subscriptionType: 'company.associationChange',
      associationType: 'COMPANY_TO_CONTACT',
      ...ends,
    };
    await world.deliver([
      anEvent({
        ...generic,
        fromObjectId: gone,
        fromObjectTypeId: '0-1',
        toObjectId: 9,
        toObjectTypeId: '0-2',
      }),
    ]);
    await world.settled();
    // Where these were kept before their types were read.
    await world.query(
      `update webhook_events set record = '62515:object:201' where record = '62515:contact:201'`,
    );
    await world.deliver([
      anEvent({ subscriptionType: 'company.restore', objectId: 9 }),
      anEvent({ ...generic, ...types, fromObjectId: 9, toObjectId: gone }),
      anEvent({ ...generic, ...types, fromObjectId: 9, toObjectId: kept }),
      anEvent({ ...older, fromObjectId: 9, toObjectId: gone }),
      anEvent({ ...older, fromObjectId: gone, toObjectId: kept }),
    ]);
    await world.settled();
    handled.length = 0;

    await world.deliver([anEvent({ subscriptionType: 'contact.privacyDeletion', objectId: gone })]);
    const receipt = await until('the receipt', async () => {
      const [first] = await world.ctx.services.webhooks.privacy.receipts(62515, 1);
      return first;
    });
    expect(receipt.erased.webhook_events).toBe(3);
    await world.deliver([anEvent({ ...older, fromObjectId: 9, toObjectId: gone })]);
    isHeld = false;
    await world.settled();
    await until('those that waited to be handled', async () => {
      await world.retryNow();
      return handled.length > 0;
    });
    await world.settled();
    expect(handled.map(({ toObjectId }) => toObjectId)).toEqual([String(kept)]);
    const left = await world.query(
      `select event->>'fromObjectId' as one, event->>'toObjectId' as other from webhook_events
       where subscription_type like '%.associationChange' and event->>'toObjectId' in ('201', '202')
       order by occurred_at`,
    );
    expect(left).toEqual([
      { one: '9', other: String(kept) },
      // A company with that number.
      { one: String(gone), other: String(kept) },
    ]);
  });
});
