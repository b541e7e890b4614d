import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  EVENT_SCHEMAS,
  type HandlerEvent,
  type SubscriptionType,
} from '../../../app/webhooks/event/handler-event.ts';
import { type AnyWebhookHandler, defineHandler } from '../../../app/webhooks/handler.ts';
import {
  anEvent,
  inWebhookWorld,
  startWebhookWorld,
  THEN,
  type WebhookWorld,
} from '../../helpers/webhook-world.ts';

describe('the event that a handler gets', () => {
  const seen: HandlerEvent[] = [];
  let world: WebhookWorld;
  beforeAll(async () => {
    const handler: AnyWebhookHandler = {
      name: 'records',
      on: Object.keys(EVENT_SCHEMAS) as SubscriptionType[],
      handle: async (event) => void seen.push(event),
    };
    world = await startWebhookWorld([handler]);
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    seen.length = 0;
    await world.query('delete from webhook_events');
  });

  async function handle(delivery: unknown) {
    await world.deliver(delivery);
    await world.settled();
  }

  it('has the ids as text, and the whole item under raw', async () => {
    const sent = {
      eventId: 1,
      subscriptionId: 25,
      portalId: 62515,
      appId: 193354,
      occurredAt: THEN,
      subscriptionType: 'contact.propertyChange',
      attemptNumber: 0,
      objectId: 101,
      changeSource: 'CRM_UI',
      changeFlag: 'UPDATED',
      sourceId: 'userId:123',
      propertyName: 'phone',
      propertyValue: '1',
      newField: { of: ['HubSpot', 2] },
    };
    await handle([sent]);
    const { newField: _, ...known } = sent;
    expect(seen).toEqual([
      {
        ...known,
        eventId: '1',
        subscriptionId: '25',
        portalId: '62515',
        appId: '193354',
        objectId: '101',
        isOwnWrite: false,
        raw: sent,
      },
    ]);
  });

  it('has ids that JavaScript would round exactly as HubSpot sent them', async () => {
    await handle(
      `[{"portalId":62515,"subscriptionType":"contact.merge","primaryObjectId":9007199254740993,
           "mergedObjectIds":[7,9007199254740995],"newObjectId":"9007199254740997"}]`,
    );
    expect(seen).toMatchObject([
      {
        primaryObjectId: '9007199254740993',
        mergedObjectIds: ['7', '9007199254740995'],
        newObjectId: '9007199254740997',
      },
    ]);
  });

  it.each([
    ['rounded', '1e21'],
    ['no whole number', '1.5'],
    ['too long', `"${'7'.repeat(101)}"`],
  ])('is a dead letter instead when its id is %s', async (_, id) => {
    await handle(`[{"portalId":62515,"subscriptionType":"contact.creation","objectId":${id}}]`);
    expect(await world.query('select state, last_error from webhook_events')).toEqual([
      { state: 'dead', last_error: 'The event has no usable objectId, so no handler was called.' },
    ]);
    expect(seen).toEqual([]);
  });

  it('lacks optional fields whose values have another type than promised; raw has them', async () => {
    const odd = {
      eventId: [],
      subscriptionId: {},
      attemptNumber: 'first',
      changeSource: 7,
      changeFlag: null,
      sourceId: {},
      associationType: 3,
      associationRemoved: 'yes',
      isPrimaryAssociation: null,
    };
    const change = {
      portalId: 62515,
      subscriptionType: 'contact.associationChange',
      fromObjectId: 101,
      toObjectId: 7,
      ...odd,
    };
    await handle([change]);
    expect(seen).toEqual([
      {
        subscriptionType: 'contact.associationChange',
        portalId: '62515',
        isOwnWrite: false,
        fromObjectId: '101',
        toObjectId: '7',
        raw: change,
      },
    ]);
  });

  it('has booleans also when HubSpot sends them as text', async () => {
    const event = { portalId: 62515, subscriptionType: 'contact.associationChange' };
    const ends = { fromObjectId: 101, toObjectId: 7 };
    await handle([{ ...event, ...ends, associationRemoved: 'true', isPrimaryAssociation: 'false' }]);
    expect(seen).toEqual([
      expect.objectContaining({ associationRemoved: true, isPrimaryAssociation: false }),
    ]);
  });

  it.each([
    ['a number', 7, '7'],
    ['a boolean', false, 'false'],
    ['null', null, null],
    ['missing', undefined, null],
    ['empty', '', ''],
  ])('has the new value as text, or null, when HubSpot’s is %s', async (_, propertyValue, expected) => {
    await handle([anEvent({ propertyValue })]);
    expect(seen).toMatchObject([{ propertyValue: expected }]);
  });

  it('is a dead letter instead when its new value is no single value', async () => {
    await handle([anEvent({ propertyValue: { text: 'a' } })]);
    expect(await world.events(101)).toMatchObject([
      { state: 'dead', last_error: 'The event has no usable propertyValue, so no handler was called.' },
    ]);
    expect(seen).toEqual([]);
  });
});

describe('a handler of several types', () => {
  it('gets the events of each, once, and its conditions narrow only the types that have the field', () => {
    const seen: string[] = [];
    const handler = defineHandler({
      name: 'several',
      on: ['contact.creation', 'contact.propertyChange', 'object.creation', 'app.installed'],
      when: { properties: ['email'], objectTypeIds: ['0-3'], changeSources: ['CRM_UI'] },
      handle: async (event) =>
        void seen.push(
          event.subscriptionType === 'contact.propertyChange'
            ? `${event.subscriptionType} ${event.propertyName} ${event.objectId}`
            : `${event.subscriptionType} ${event.objectId}`,
        ),
    });
    return inWebhookWorld([handler], async ({ install, deliver, settled, query }) => {
      expect((await install()).status).toBe(200);
      await settled();
      await query('delete from webhook_events');
      expect(seen.splice(0)).toEqual([expect.stringMatching(/^app\.installed \d+$/)]);
      const create = { propertyName: undefined, propertyValue: undefined };
      await deliver([
        anEvent({ ...create, subscriptionType: 'contact.creation', objectId: 1 }),
        anEvent({ ...create, subscriptionType: 'contact.creation', objectId: 2, changeSource: 'API' }),
        anEvent({ propertyName: 'email', objectId: 3 }),
        anEvent({ propertyName: 'phone', objectId: 4 }),
        anEvent({ ...create, subscriptionType: 'object.creation', objectTypeId: '0-3', objectId: 5 }),
        anEvent({ ...create, subscriptionType: 'object.creation', objectTypeId: '0-2', objectId: 6 }),
        anEvent({ ...create, subscriptionType: 'contact.deletion', objectId: 7 }),
      ]);
      await settled();
      expect(seen.toSorted()).toEqual([
        'contact.creation 1',
        'contact.propertyChange email 3',
        'object.creation 5',
      ]);
      const ignored = await query(
        `select (event->>'objectId')::int as id from webhook_events where state = 'ignored' order by 1`,
      );
      expect(ignored.map(({ id }) => id)).toEqual([2, 4, 6, 7]);
    });
  });
});
