import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  contactsOfAssociation,
  eventIdentity,
  recordOf,
  type WebhookEvent,
} from '../../../app/webhooks/event/event.ts';
import { parseDelivery } from '../../../app/webhooks/event/parse-delivery.ts';
import { anyText, completeEvent, goodEvent, mixedItems } from '../../helpers/arbitrary-events.ts';

describe('the identity of an event', () => {
  it('is the same whatever the order of the keys, the form of the numbers and the attempt', () => {
    fc.assert(
      fc.property(goodEvent, rendering, rendering, (event, one, other) => {
        const first = only(one(event));
        const second = only(other(event));
        expect(eventIdentity(first)).toBe(eventIdentity(second));
        expect(recordOf(first, 'id')).toBe(recordOf(second, 'id'));
      }),
    );
  });

  it('differs as soon as one of its fields differs', () => {
    fc.assert(
      fc.property(completeEvent, completeEvent, fc.nat(), (event, other, pick) => {
        const fields = Object.keys(event) as (keyof typeof event)[];
        const field = fields[pick % fields.length] ?? 'eventId';
        fc.pre(event[field] !== other[field]);
        const changed = { ...event, [field]: other[field] };
        const { [field]: _, ...missing } = event;
        const identities = [event, changed, missing as typeof event].map(eventIdentity);
        expect(new Set(identities).size).toBe(3);
      }),
    );
  });

  it('is the same as before the types of associated objects were added to it, where they are missing', () => {
    const event = { portalId: 62515, subscriptionType: 'contact.propertyChange', objectId: 101, eventId: 1 };
    expect(eventIdentity(event)).toBe('8a74a491-81cb-c445-42b4-acd3c00a2282');
  });

  it('differs for merges of different records, whatever the form of the numbers', () => {
    const merge = (mergedObjectIds: unknown) =>
      eventIdentity({ portalId: 1, subscriptionType: 'contact.merge', mergedObjectIds } as WebhookEvent);
    expect(merge([1, 23])).toBe(merge(['1', '23']));
    expect(new Set([[1, 23], [12, 3], [23, 1], [123], []].map(merge)).size).toBe(5);
  });

  it('differs when text moves from one field to the next', () => {
    fc.assert(
      fc.property(completeEvent, anyText, anyText, fc.nat(40), (event, left, right, at) => {
        const text = left + right;
        fc.pre(text.slice(0, at) !== left);
        const shifted = { propertyName: text.slice(0, at), propertyValue: text.slice(at) };
        expect(eventIdentity({ ...event, propertyName: left, propertyValue: right })).not.toBe(
          eventIdentity({ ...event, ...shifted }),
        );
      }),
    );
  });

  it('is the same for a number and its text', () => {
    const event = { portalId: 1, subscriptionType: 'contact.propertyChange', objectId: 7 };
    const valued = (propertyValue: unknown) => eventIdentity({ ...event, propertyValue } as WebhookEvent);
    expect(valued('1')).toBe(valued(1));
    expect(valued('1.0')).not.toBe(valued('1'));
    expect(valued('')).toBe(valued(undefined));
  });

  /** A way to write an event as JSON: some order of keys, some form of each number, some attempt. */
  const rendering = fc
    .infiniteStream(fc.nat({ max: 1_000_000 }))
    .map((numbers) => (event: Record<string, unknown>) => {
      const next = (below: number) => (numbers.next().value ?? 0) % below;
      const fields = Object.entries({ ...event, attemptNumber: next(11) })
        .map(([key, value]) => ({
          place: next(1_000_000),
          text: `${JSON.stringify(key)}: ${form(value, next(4))}`,
        }))
        .sort((a, b) => a.place - b.place);
      return Buffer.from(`[{${fields.map(({ text }) => text).join(' ,')}}]`);
    });

  function form(value: unknown, choice: number): string {
    if (typeof value !== 'number' && !/^\d{16,}$/.test(String(value))) return JSON.stringify(value);
    return [`${value}`, `${value}.0`, `${value}e0`, `"${value}"`][choice] ?? '';
  }
});

describe('the contacts of an association', () => {
  const ends = { fromObjectId: 7, toObjectId: '9' };
  it.each([
    [{ associationType: 'CONTACT_TO_COMPANY' }, ['7']],
    [{ associationType: 'COMPANY_TO_CONTACT_PRIMARY' }, ['9']],
    [{ associationType: 'LINE_ITEM_TO_DEAL' }, []],
    [{ fromObjectTypeId: '0-3', toObjectTypeId: '0-1' }, ['9']],
    [{ fromObjectTypeId: '0-1', toObjectTypeId: '2-77', associationType: 'CONTACT_TO_PET' }, ['7']],
    [{ fromObjectTypeId: '0-1', toObjectTypeId: '0-1' }, ['7', '9']],
    // Of unknown type, so possibly a contact.
    [{}, ['7', '9']],
    [{ associationType: 'friends' }, ['7', '9']],
    [{ toObjectTypeId: '0-2', fromObjectId: null }, []],
  ])('%j are %j', (fields, contacts) => {
    const of = (subscriptionType: string) =>
      contactsOfAssociation({ portalId: 1, subscriptionType, ...ends, ...fields } as unknown as WebhookEvent);
    expect(of('object.associationChange')).toEqual(contacts);
    expect(of('contact.merge')).toEqual([]);
  });
});

describe('reading a delivery', () => {
  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseDelivery(Buffer.from(bytes))),
    );
  });

  it('never throws, whatever the JSON, and every event has an identity and a record', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          mixedItems.map(({ others }) => JSON.stringify(others)),
        ),
        (text) => {
          for (const event of parseDelivery(Buffer.from(text)).events ?? []) {
            const id = eventIdentity(event);
            expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
            expect(recordOf(event, id)).toMatch(/^\d+:/);
          }
        },
      ),
    );
  });

  it('keeps every valid event, whatever the other items are', () => {
    fc.assert(
      fc.property(mixedItems, fc.infiniteStream(fc.nat()), ({ good, others }, places) => {
        const items = [...good, ...others]
          .map((item) => ({ item, place: places.next().value ?? 0 }))
          .sort((a, b) => a.place - b.place);
        const { events = [] } = parseDelivery(Buffer.from(JSON.stringify(items.map(({ item }) => item))));
        const found = new Set(events.map(eventIdentity));
        for (const event of good) expect(found).toContain(eventIdentity(event as unknown as WebhookEvent));
      }),
    );
  });

  it('keeps unknown fields', () => {
    const event = { portalId: 1, subscriptionType: 'comet.sighted', tail: { length: [1, 2] } };
    expect(only(Buffer.from(JSON.stringify([event])))).toMatchObject(event);
  });

  it.each([
    ['is empty', '', 'the body is not JSON'],
    ['is cut short', '[{"portalId": 1', 'the body is not JSON'],
    [
      'is an object',
      '{"portalId":1,"subscriptionType":"contact.creation"}',
      'the body is not an array of events',
    ],
    ['is text', '"[]"', 'the body is not an array of events'],
    ['holds no event', '[1, null, {}]', 'no valid item: not an object, no usable portalId'],
  ])('reports the problem of a body that %s', (_, body, problem) => {
    expect(parseDelivery(Buffer.from(body))).toEqual({ events: undefined, problem });
  });

  it('reports how many items are invalid and why, and returns them', () => {
    const good = { portalId: 1, subscriptionType: 'contact.creation', objectId: 1 };
    const others = [7, { portalId: 'x' }, { portalId: 1, subscriptionType: '' }];
    expect(parseDelivery(Buffer.from(JSON.stringify([good, ...others])))).toEqual({
      events: [good],
      problem: '3 of 4 items are invalid: not an object, no usable portalId, no usable subscriptionType',
      rest: Buffer.from(JSON.stringify(others)),
    });
  });

  it.each([
    ['', ''],
    ['beside a long number', ',"objectId":9007199254740993'],
  ])('returns the whole body when an item is nested too deeply %s', (_, id) => {
    const depth = 100_000;
    const body = Buffer.from(
      `[{"portalId":1,"subscriptionType":"contact.creation"${id}},` +
        `{"portalId":1,"subscriptionType":"x","in":${'['.repeat(depth)}${']'.repeat(depth)}}]`,
    );
    expect(parseDelivery(body)).toEqual({
      events: [expect.objectContaining({ portalId: 1, subscriptionType: 'contact.creation' })],
      problem: '1 of 2 items are invalid: nested too deeply',
      rest: body,
    });
  });

  it('keeps ids apart that JavaScript would round to the same number', () => {
    const body = (id: string) =>
      `[{"portalId":1,"subscriptionType":"contact.creation","objectId":${id}},` +
      `{"portalId":1,"subscriptionType":"contact.merge","mergedObjectIds":[7, ${id}]}]`;
    const [one, other] = ['9007199254740992', '9007199254740993'].map(
      (id) => parseDelivery(Buffer.from(body(id))).events ?? [],
    );
    expect(other).toMatchObject([
      { objectId: '9007199254740993' },
      { mergedObjectIds: [7, '9007199254740993'] },
    ]);
    expect(new Set([...(one ?? []), ...(other ?? [])].map(eventIdentity)).size).toBe(4);
    expect(recordOf(other?.[0] as WebhookEvent, 'id')).toBe('1:contact:9007199254740993');
  });

  it('does not change numbers that are exact or not whole', () => {
    const event =
      '{"portalId":1,"subscriptionType":"x","a":9007199254740991,"b":0.12345678901234567,"c":1e300}';
    expect(only(Buffer.from(`[${event}]`))).toEqual(JSON.parse(event));
  });

  it.each([9e15, -9e15, 2 ** 60, 1.5, '"soon"'])('ignores %s as the time of an event', (occurredAt) => {
    const body = `[{"portalId":1,"subscriptionType":"contact.creation","occurredAt":${occurredAt}}]`;
    expect(only(Buffer.from(body)).occurredAt).toBeUndefined();
  });

  it('reads the type from eventType, too', () => {
    const event = only(Buffer.from('[{"portalId":1,"eventType":"contact.creation","objectId":7}]'));
    expect(event).toMatchObject({ subscriptionType: 'contact.creation', objectId: 7 });
    expect(recordOf(event, 'id')).toBe('1:contact:7');
  });

  it('accepts an empty array', () => {
    expect(parseDelivery(Buffer.from('[]'))).toEqual({ events: [], problem: undefined });
  });
});

describe('the record that an event is about', () => {
  const cases: { what: string; event: Record<string, unknown>; record: string }[] = [
    { what: 'contact.creation', event: { objectId: 7 }, record: '1:contact:7' },
    { what: 'contact.privacyDeletion', event: { objectId: 7 }, record: '1:contact:7' },
    { what: 'company.propertyChange', event: { objectId: 7 }, record: '1:company:7' },
    { what: 'line_item.restore', event: { objectId: 7 }, record: '1:line_item:7' },
    { what: 'object.creation', event: { objectId: 7, objectTypeId: '0-1' }, record: '1:contact:7' },
    { what: 'object.deletion', event: { objectId: 7, objectTypeId: '0-2' }, record: '1:company:7' },
    { what: 'object.restore', event: { objectId: 7, objectTypeId: '0-3' }, record: '1:deal:7' },
    { what: 'object.propertyChange', event: { objectId: 7, objectTypeId: '0-5' }, record: '1:ticket:7' },
    { what: 'object.propertyChange', event: { objectId: 7, objectTypeId: '2-77' }, record: '1:2-77:7' },
    { what: 'object.creation', event: { objectId: 7 }, record: '1:object:7' },
    {
      what: 'contact.associationChange',
      event: { associationType: 'CONTACT_TO_COMPANY', fromObjectId: 7, toObjectId: 9 },
      record: '1:contact:7',
    },
    {
      what: 'object.associationChange',
      event: { fromObjectId: 7, toObjectId: 9, fromObjectTypeId: '2-77', toObjectTypeId: '0-1' },
      record: '1:2-77:7',
    },
    {
      what: 'object.associationChange',
      event: { fromObjectId: 7, toObjectId: 9, fromObjectTypeId: '0-1', toObjectTypeId: '0-2' },
      record: '1:contact:7',
    },
    {
      what: 'contact.merge',
      event: { objectId: 7, primaryObjectId: 7, mergedObjectIds: [8], newObjectId: 9 },
      record: '1:contact:7',
    },
    { what: 'deal.merge', event: { primaryObjectId: 7, mergedObjectIds: [8] }, record: '1:deal:7' },
    { what: 'conversation.newMessage', event: { objectId: 7, messageId: 'm' }, record: '1:conversation:7' },
    { what: 'conversation.propertyChange', event: { objectId: 7 }, record: '1:conversation:7' },
    { what: 'event.completed', event: {}, record: '1::id' },
    { what: 'comet.sighted', event: {}, record: '1::id' },
    { what: 'comet.sighted', event: { objectId: 'halley' }, record: '1:comet:halley' },
    { what: 'comet/sighted:new', event: { objectId: 7 }, record: '1:comet_sighted_new:7' },
    { what: 'contact.creation', event: { objectId: '7' }, record: '1:contact:7' },
    { what: 'contact.creation', event: { objectId: null }, record: '1::id' },
    { what: 'app.installed', event: { objectId: 3 }, record: '1:app:3' },
  ];

  it.each(cases)('$what with $event is $record', ({ what, event, record }) => {
    expect(recordOf({ portalId: 1, subscriptionType: what, ...event }, 'id')).toBe(record);
  });
});

function only(body: Buffer): WebhookEvent {
  const { events } = parseDelivery(body);
  if (events?.length !== 1) throw new Error(`not one event: ${body}`);
  return events[0] as WebhookEvent;
}
