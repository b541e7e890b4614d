import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectError } from '../helpers/expect-error.ts';
import { signedRequest } from '../helpers/signed-request.ts';
import { startWorld, type World } from '../helpers/world.ts';

const EVENT = '/marketing-events/acct/day-1';
const DETAILS = { eventName: 'Open day', eventOrganizer: 'Us' };

describe('marketing events', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    expect((await world.apiRequest('PUT', EVENT, DETAILS)).status).toBe(201);
  });
  afterAll(() => world.close());

  it('are returned when the sandbox requests them with the app id', async () => {
    const asked = { externalEventId: 'day-1', externalAccountId: 'acct' };
    expect((await world.sandbox.control('marketing-event', asked)).status).toBe(200);
  });

  it.each([
    'externalAccountId=acct',
    'appId=&externalAccountId=acct',
    'appId=999&externalAccountId=acct',
    'appId=app-101&externalAccountId=acct',
    'appId=0193354&externalAccountId=acct',
    'appId=193354&appId=999&externalAccountId=acct',
    'appId=193354&externalAccountId=other',
  ])('are not found when HubSpot requests them with %s', async (query) => {
    await expectError(await signedRequest(world, `/events/day-1?${query}`), 404, 'not_found');
  });

  it('are rejected when they end before they start', async () => {
    const times = { startDateTime: '2026-12-01T09:00:00+09:00', endDateTime: '2026-11-30T23:59:59Z' };
    const message = await expectError(
      await world.apiRequest('PUT', EVENT, { ...DETAILS, ...times }),
      400,
      'invalid_request',
    );
    expect(message).toBe('endDateTime: must not be before startDateTime. Nothing was stored.');
    // The same moment, in two zones.
    times.endDateTime = '2026-12-01T00:00:00Z';
    expect((await world.apiRequest('PUT', EVENT, { ...DETAILS, ...times })).status).toBe(200);
  });

  it('keep custom properties and return them to HubSpot', async () => {
    const customProperties = [
      { name: 'venue', value: '東京' },
      { name: 'seats', value: '120', source: 'API' },
    ];
    const stored = await world.json('PUT', EVENT, { ...DETAILS, customProperties });
    expect(stored).toEqual({ ...DETAILS, eventCancelled: false, customProperties });
    const asked = { externalEventId: 'day-1', externalAccountId: 'acct' };
    expect((await world.sandbox.control('marketing-event', asked)).body).toEqual(stored);
  });

  it.each([
    [{ venue: 'Tokyo' }, 'customProperties: '],
    [[{ name: 'venue' }], 'customProperties.0.value: '],
    [[{ name: '', value: 'x' }], 'customProperties.0.name: '],
    [[{ name: 'seats', value: 120 }], 'customProperties.0.value: '],
  ])('are rejected when customProperties is %j', async (customProperties, named) => {
    const answer = await world.apiRequest('PUT', EVENT, { ...DETAILS, customProperties });
    expect(await expectError(answer, 400, 'invalid_request')).toContain(named);
  });
});
