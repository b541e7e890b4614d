import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startWorld, until, type World } from '#test';

const JANE = { portalId: 62515, objectType: 'CONTACT', objectId: '101' };

describe('the example card', () => {
  let world: World;
  beforeAll(async () => {
    // Without the handler, whose events would be on the timeline, too.
    world = await startWorld({ worker: true, integration: { handlers: [] } });
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  it('shows a contact and opens its page', async () => {
    const { status, body } = await world.sandbox.control('card', JANE);
    expect([status, body.results[0].title]).toEqual([200, 'Jane Doe']);
    const page = await fetch(body.primaryAction.uri);
    const html = await page.text();
    expect([page.status, html]).toEqual([200, expect.stringContaining('<title>Jane Doe</title>')]);
    expect(html).toContain('jane@example.com');
  });

  it('makes a contact a customer and adds an event to its timeline', async () => {
    const { body } = await world.sandbox.control('card', JANE);
    const clicked = await fetch(`${world.sandboxUrl}/portals/62515/contacts/101/card-action`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body.secondaryActions[0]),
    });
    expect(await clicked.json()).toEqual({ ok: true, message: 'The contact is a customer now.' });
    await until('the event', async () => {
      const { results } = await world.sandbox.read('timeline?portalId=62515&email=jane@example.com');
      return results[0]?.header === 'Became a customer';
    });
  });
});
