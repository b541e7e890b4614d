import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineAppEvent } from '#app';
import { expectError } from '../helpers/expect-error.ts';
import { startWorld, type World } from '../helpers/world.ts';

const activity = defineAppEvent({
  name: 'app-activity',
  objectType: 'CONTACT',
  properties: {
    title: { label: 'Title', type: 'string', default: 'You got approval!' },
    source: { label: 'Source', type: 'string' },
  },
});

const PATH = '/hubid/62515/timeline/jane@example.com';

describe('PUT …/timeline/… sends what the integration declares', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ integration: { appEvents: [activity] } });
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  async function sent(body?: unknown) {
    const { id } = await world.json('PUT', PATH, body);
    const { results } = await world.sandbox.read('timeline?portalId=62515&email=jane@example.com');
    return results.find((event: { id: string }) => event.id === id);
  }

  it('without a body: the first event type with its defaults', async () => {
    expect(await sent()).toMatchObject({
      eventTypeName: 'ae193354_app-activity',
      properties: { title: 'You got approval!' },
    });
  });

  it('with properties: those, and the defaults of the others', async () => {
    expect((await sent({ properties: { source: 'test' } })).properties).toEqual({
      title: 'You got approval!',
      source: 'test',
    });
    expect((await sent({ properties: { title: 'Mine' } })).properties).toEqual({ title: 'Mine' });
  });

  it.each(['app-activity', 'ae193354_app-activity'])('of the given type: %s', async (eventTypeName) => {
    expect(await sent({ eventTypeName })).toMatchObject({ eventTypeName: 'ae193354_app-activity' });
  });

  it('names a company by its domain', async () => {
    const { timeline } = world.ctx.services;
    // The sandbox's event type is for contacts.
    await expect(timeline.send(62515, { id: 'of-a-domain', domain: 'example.com' })).rejects.toMatchObject({
      status: 400,
    });
    const { results } = await world.sandbox.read('requests?path=/integrators/timeline/2026-03/events');
    expect(results.at(-1).body).toMatchObject({ id: 'of-a-domain', domain: 'example.com' });
  });
});

it('PUT …/timeline/… gets 400 when neither it nor the integration names an event type', async () => {
  const world = await startWorld({
    integration: { appEvents: [] },
    settings: { HUBSPOT_APP_EVENT_TYPE: '' },
  });
  try {
    expect((await world.install()).status).toBe(200);
    expect(await expectError(await world.api('PUT', PATH), 400, 'invalid_request')).toContain(
      'eventTypeName: ',
    );
  } finally {
    await world.close();
  }
});
