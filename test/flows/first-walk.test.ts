import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

describe('the main flow over HTTP', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ worker: true });
  });
  afterAll(() => world.close());

  it('installs the app through the consent page', async () => {
    const page = await world.install();
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('The app is connected');
    const status = await world.json('GET', '/hubid/62515');
    expect(status).toMatchObject({ portalId: 62515, appId: 193354, state: 'active' });
    expect(status.scopes).toContain('crm.objects.contacts.read');
  });

  it('shows the card of a contact and opens its page with the ticket', async () => {
    const card = await world.sandbox.control('card', {
      portalId: 62515,
      objectType: 'CONTACT',
      objectId: '101',
    });
    expect(card.status).toBe(200);
    expect(card.body.results).toHaveLength(1);
    expect(card.body.primaryAction).toMatchObject({ type: 'IFRAME', associatedObjectProperties: ['email'] });
    const page = await fetch(card.body.primaryAction.uri);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain('frame-ancestors https://*.hubspot.com');
    expect(page.headers.get('x-frame-options')).toBeNull();
    expect(await page.text()).toContain(card.body.results[0].title);
  });

  it('answers a webhook with 204 and puts the change on the timeline', async () => {
    const { email } = await contact('101');
    const event = { subscriptionType: 'contact.propertyChange', portalId: 62515, objectId: 101 };
    const { deliveries } = await world.sandbox.control('webhooks', {
      events: [{ ...event, propertyName: 'lifecyclestage', propertyValue: 'customer' }],
    });
    expect(deliveries).toMatchObject([{ status: 204, events: 1 }]);
    const events = await until('the timeline event', () => timeline(email, 1));
    expect(events[0].header).toBe('lifecyclestage is now customer');
  });

  it('handles a repeated delivery once', async () => {
    const { email } = await contact('102');
    const event = { subscriptionType: 'contact.propertyChange', portalId: 62515, objectId: 102, eventId: 7 };
    const fixed = { occurredAt: 1795219200000, propertyName: 'phone', propertyValue: '1' };
    await world.sandbox.control('webhooks', { events: [{ ...event, ...fixed }], copies: 5 });
    await world.sandbox.control('webhooks', { events: [{ ...event, ...fixed, eventId: 8 }] });
    await until('both events', () => timeline(email, 2));
    const rows = await until('both to be marked', async () => {
      const found = await world.ctx.pool.query(
        `select state, attempts, event->>'eventId' as id from webhook_events where record = '62515:contact:102' order by 3`,
      );
      return found.rows.every(({ state }) => state !== 'waiting') && found.rows;
    });
    expect(rows).toEqual([
      { state: 'done', attempts: 1, id: '7' },
      { state: 'done', attempts: 1, id: '8' },
    ]);
    expect(await timeline(email, 2)).toHaveLength(2);
  });

  it('sends a timeline event on request', async () => {
    const { email } = await contact('103');
    const sent = await world.api('PUT', `/hubid/62515/timeline/${encodeURIComponent(email)}`, {
      extraData: { message: 'from the timeline test' },
    });
    expect(sent.status).toBe(200);
    expect(await sent.json()).toMatchObject({ success: true, hubId: '62515', email, state: 'sent' });
    const [event] = await until('the event', () => timeline(email, 1));
    expect(event.extraData.message).toContain('timeline');
  });

  it('reads, creates and updates a contact in both body shapes', async () => {
    const path = '/hubid/62515/contact/new.person@example.com';
    expect((await world.api('GET', path)).status).toBe(404);
    const created = await world.api('POST', path, { properties: { firstname: 'New', lastname: '人' } });
    expect(created.status).toBe(201);
    const updated = await world.api('POST', path, [{ property: 'lastname', value: 'Person' }]);
    expect(updated.status).toBe(200);
    const read = await world.json('GET', path);
    expect(read.properties).toMatchObject({ firstname: 'New', lastname: 'Person' });
  });

  it('keeps marketing events and gives their details to HubSpot', async () => {
    const details = { eventName: 'Open day', eventOrganizer: 'Us', startDateTime: '2026-12-01T09:00:00Z' };
    const path = '/marketing-events/acct%2F1/day-1';
    expect((await world.api('PUT', path, details)).status).toBe(201);
    const asked = { externalEventId: 'day-1', externalAccountId: 'acct/1' };
    const answer = await world.sandbox.control('marketing-event', asked);
    expect(answer).toEqual({ status: 200, body: { ...details, eventCancelled: false } });
    expect((await world.api('DELETE', path)).status).toBe(204);
    expect((await world.sandbox.control('marketing-event', asked)).status).toBe(404);
  });

  it('disconnects: uninstalls at HubSpot and deletes the tokens', async () => {
    expect((await world.install(62516)).status).toBe(200);
    expect((await world.api('DELETE', '/hubid/62516')).status).toBe(200);
    const { results } = await world.sandbox.read('tokens?portalId=62516');
    expect(results[0].revoked).toBe(true);
    const call = await world.api('GET', '/hubid/62516/contact/x@example.com');
    expect(call.status).toBe(404);
    expect(await call.json()).toMatchObject({ error: { code: 'install_not_found' } });
  });

  async function contact(id: string): Promise<{ email: string }> {
    const found = await world.ctx.hubspotFor(62515).contacts.get(id);
    return { email: found.properties.email ?? '' };
  }

  async function timeline(email: string, count: number) {
    const { results } = await world.sandbox.read(
      `timeline?portalId=62515&email=${encodeURIComponent(email)}`,
    );
    return results.length >= count ? results : undefined;
  }
});
