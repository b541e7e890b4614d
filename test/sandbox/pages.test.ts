import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventTypeName, type Hubspot, startHubspot } from './hubspot.ts';
import { startReceiver } from './receiver.ts';

let app: Awaited<ReturnType<typeof startReceiver>>;
let hubspot: Hubspot;
beforeAll(async () => {
  app = await startReceiver();
  hubspot = await startHubspot(app.url);
});
afterAll(async () => {
  await hubspot.close();
  await app.close();
});
beforeEach(async () => {
  await hubspot.control('/reset', {});
  app.received.length = 0;
});

const contact = '/portals/62515/contacts/101';
const page = async (path: string) => (await hubspot.call('GET', path)).body as string;
const post = (path: string, fields: Record<string, string> = {}) =>
  hubspot.call('POST', path, new URLSearchParams(fields));
const frame = { type: 'IFRAME', width: 700, height: 500, label: 'Open it' };

describe('pages', () => {
  it('have a CSP without inline code, and their assets', async () => {
    for (const path of ['/', '/controls', '/portals/62515', contact]) {
      const { status, headers, body } = await hubspot.call('GET', path);
      expect(status).toBe(200);
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(body).not.toMatch(/ on\w+="|<style|<script>/);
    }
    for (const asset of ['pico.min.css', 'sandbox.css', 'sandbox.js', 'sandbox.svg']) {
      expect((await hubspot.call('GET', `/assets/${asset}`)).status).toBe(200);
    }
    expect((await hubspot.call('GET', '/portals/1')).status).toBe(404);
    expect((await hubspot.call('GET', '/portals/62515/contacts/201')).status).toBe(404);
  });

  it('respond with 404 as a page to browsers, and as HubSpot’s JSON to programs', async () => {
    const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    for (const path of ['/nowhere', '/portal/62515', '/portals/1', '/portals/62515/contacts/0']) {
      const { status, headers, body } = await hubspot.call('GET', path, undefined, { accept });
      expect([status, headers.get('content-type')]).toEqual([404, expect.stringContaining('text/html')]);
      expect(body).toContain('There is no such page.');
      expect(body).toContain('href="/"');
    }
    for (const type of ['application/json', '*/*']) {
      const { status, body } = await hubspot.call('GET', '/nowhere', undefined, { accept: type });
      expect([status, body.category]).toEqual([404, 'NOT_FOUND']);
    }
    expect((await hubspot.call('POST', '/nowhere', {}, { accept })).body.category).toBe('NOT_FOUND');
  });

  it('lead to the app’s install page', async () => {
    expect(await page('/')).toContain(`href="${app.url}/install"`);
    await hubspot.install();
    expect(await page('/portals/62515')).toContain('is installed');
    await post('/portals/62515/uninstall');
    expect(await page('/portals/62515')).toContain('is not installed');
  });

  it('create, change and delete a contact', async () => {
    const created = await post('/portals/62515/contacts', {
      firstname: 'New',
      email: 'new@example.com',
      hs_object_id: '1',
    });
    const path = created.headers.get('location') ?? '';
    await post(path, { lastname: '<b>Bold</b>', lifecyclestage: 'customer' });
    const shown = await page(path);
    expect(shown).toContain('New &lt;b&gt;Bold');
    expect(shown).toContain('Move to next lifecycle stage');
    await post(`${path}/next-stage`);
    expect(await page(path)).toContain('Evangelist');
    await post(`${path}/delete`);
    expect((await hubspot.call('GET', path)).status).toBe(404);
  });

  it('show why a change was rejected', async () => {
    const refused = await post(contact, { email: 'taro.yamada@example.com' });
    expect(refused.status).toBe(409);
    expect(refused.body).toContain('Contact already exists');
    // What was not posted is shown as it is: saving again must not empty it.
    expect(refused.body).toMatch(/name="email" value="taro\.yamada@example\.com"/);
    expect(refused.body).toMatch(/name="lastname" value="Doe"/);
    expect((await post('/portals/62515/contacts', { email: 'bad' })).body).toContain(
      'Email address bad is invalid',
    );
  });

  it('show app events on the record', async () => {
    const { access } = await hubspot.install();
    await hubspot.api(access)('POST', '/integrators/timeline/2026-03/events', {
      eventTypeName,
      id: '1',
      objectId: '101',
      properties: { title: '<i>Paid</i>' },
    });
    for (const path of [contact, `${contact}/timeline`])
      expect(await page(path)).toContain('&lt;i&gt;Paid&lt;/i&gt;');
  });

  it('show deliveries', async () => {
    await hubspot.control('/webhooks', { events: [{ subscriptionType: 'contact.deletion', objectId: 1 }] });
    expect(await page('/portals/62515/deliveries')).toContain('contact.deletion');
  });
});

describe('the card on the record page', () => {
  const answerWith = (status: number, body?: unknown) => app.answerWith(() => ({ status, body }));
  const action = (uri: string) => ({ ...frame, uri, associatedObjectProperties: ['email'] });

  it('shows results and a button that opens the app', async () => {
    const properties = [
      { label: 'State', dataType: 'STATUS', value: 'Open', optionType: 'WARNING' },
      { label: 'Amount', dataType: 'CURRENCY', value: 12.5, currencyCode: 'EUR' },
      { label: 'Site', dataType: 'LINK', value: 'javascript:alert(1)' },
    ];
    const results = [{ objectId: 1, title: 'Order 7', link: null, properties }];
    answerWith(200, {
      results,
      primaryAction: action(`${app.url}/hubid/62515/page?ticket=t&portalId=62515`),
    });
    const card = await page(`${contact}/card`);
    expect(card).toContain('Order 7');
    expect(card).toContain('<span class="tag warning">Open</span>');
    expect(card).toContain('€12.50');
    expect(card).not.toContain('href="javascript');
    expect(card).toContain('>Open it</button>');
    const opened = new URL(
      (/data-frame="([^"]+)"/.exec(card)?.[1] ?? '').replaceAll('&amp;', '&').replaceAll('&#x3D;', '='),
    );
    expect(opened.searchParams.get('email')).toBe('jane@example.com');
    expect(opened.searchParams.getAll('portalId')).toEqual(['62515']);
    const { headers } = await hubspot.call('GET', contact);
    expect(headers.get('content-security-policy')).toContain(`frame-src ${app.url}`);
  });

  it('shows the problem with a response', async () => {
    answerWith(401);
    expect(await page(`${contact}/card`)).toContain('status 401');
    answerWith(200, { nonsense: true });
    expect(await page(`${contact}/card`)).toContain('not a card');
    answerWith(200, { results: [], primaryAction: action('https://elsewhere.example/') });
    expect(await page(`${contact}/card`)).toContain('https://elsewhere.example/');
  });

  it('sends signed action hooks to the app only', async () => {
    app.answerWith(() => ({ status: 200, body: { message: 'Reminder sent' } }));
    const hook = {
      type: 'ACTION_HOOK',
      httpMethod: 'POST',
      label: 'Remind',
      associatedObjectProperties: ['email'],
    };
    const send = (uri: string) => hubspot.call('POST', `${contact}/card-action`, { ...hook, uri });
    const answer = await send(`${app.url}/crm-extension/orders/actions/remind`);
    expect(answer.body).toEqual({ ok: true, message: 'Reminder sent' });
    const [request] = app.received;
    expect(request?.method).toBe('POST');
    expect(request?.headers['x-hubspot-signature-v3']).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ portalId: '62515', email: 'jane@example.com' });
    expect((await send('http://localhost:9/x')).status).toBe(400);
  });
});
