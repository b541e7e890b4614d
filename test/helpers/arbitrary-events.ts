import fc from 'fast-check';

const PORTALS = [62515, 62516, 62517];

const safe = fc.integer({ min: 1, max: 2 ** 52 });
/** Numbers as HubSpot sends them; those that JavaScript would round as text. */
const id = fc.oneof(safe, fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }).map(String));
const name = fc.string({ minLength: 1, maxLength: 12 });

/** A valid event with every field of its identity. */
export const completeEvent = fc.record({
  portalId: fc.constantFrom(...PORTALS),
  subscriptionType: fc.constantFrom('contact.propertyChange', 'object.associationChange', 'deal.merge'),
  subscriptionId: id,
  eventId: id,
  occurredAt: safe,
  objectId: id,
  objectTypeId: fc.constantFrom('0-1', '0-3', '2-123456'),
  fromObjectId: id,
  fromObjectTypeId: fc.constantFrom('0-1', '0-3', '2-123456'),
  toObjectId: id,
  toObjectTypeId: fc.constantFrom('0-1', '0-3', '2-123456'),
  associationType: name,
  associationTypeId: id,
  associationCategory: fc.constantFrom('HUBSPOT_DEFINED', 'USER_DEFINED'),
  associationRemoved: fc.boolean(),
  isPrimaryAssociation: fc.boolean(),
  primaryObjectId: id,
  newObjectId: id,
  messageId: name,
  propertyName: name,
  propertyValue: name,
});

/** An event with optional fields except for the portal and the type. */
export const goodEvent = completeEvent.chain((event) => {
  const { portalId, subscriptionType, ...others } = event;
  return fc.subarray(Object.entries(others)).map(
    (kept): Record<string, unknown> => ({
      portalId,
      subscriptionType,
      ...Object.fromEntries(kept),
    }),
  );
});

/** Any text, including NUL, lone surrogates and other text that a store may not support. */
export const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
});

const anyValue = fc.oneof(
  fc.jsonValue(),
  anyText,
  fc.double(),
  fc.constantFrom({ toString: 1 }, [[]], 1e300, 1.5),
);

/** An item with an event's portal and type and any values in its other fields. */
export const strangeEvent = fc
  .record(
    {
      portalId: fc.constantFrom<unknown>(...PORTALS, '62515'),
      subscriptionType: fc.oneof(fc.constant('contact.propertyChange'), anyText),
      eventId: anyValue,
      occurredAt: anyValue,
      objectId: anyValue,
      objectTypeId: anyValue,
      propertyName: anyValue,
      propertyValue: anyValue,
      changeSource: anyValue,
      unheardOf: anyValue,
    },
    { requiredKeys: ['portalId', 'subscriptionType'] },
  )
  .map((event): unknown => event);

/** A delivery's items: valid events among arbitrary JSON values. */
export const mixedItems = fc.record({
  good: fc.array(goodEvent, { minLength: 1, maxLength: 6 }),
  others: fc.array(fc.oneof(fc.jsonValue(), strangeEvent), { maxLength: 6 }),
});
