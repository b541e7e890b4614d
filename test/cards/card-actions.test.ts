import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Card, CardActionRequest } from '../../app/cards/index.ts';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { cards } from '../helpers/vendor.ts';
import { startWorld, type World } from '../helpers/world.ts';

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const values = {
  portalId: '62515',
  userId: '7',
  userEmail: 'sales@example.com',
  associatedObjectId: '101',
  associatedObjectType: 'contact',
  email: 'jane@example.com',
  phone: '+1 2&3',
};
const query = String(new URLSearchParams(values));

describe('a button of a card', () => {
  let world: World;
  const done: CardActionRequest[] = [];
  const card: Card = {
    name: 'orders',
    title: 'Orders',
    objectTypes: ['contact', 'DEAL'],
    render: async (_request, { actionUrl }) => ({
      results: [{ objectId: 1, title: actionUrl('remind'), link: null }],
    }),
    actions: {
      async remind(request) {
        done.push(request);
        return { message: 'Reminder sent' };
      },
      async mayWrite(_request, { install }) {
        const { has } = await install();
        return { message: `timeline ${has('timeline')}, commerce ${has('e-commerce')}` };
      },
      async register(_request, { hubspot }) {
        const { id } = await hubspot.contacts.create({ email: 'new@example.com' });
        return { message: `Contact ${id}` };
      },
      async breakdown() {
        throw new Error('a bug of the vendor');
      },
    },
  };
  beforeAll(async () => {
    world = await startWorld({ cards: [card, ...cards] });
    expect((await world.install()).status).toBe(200);
  });
  beforeEach(() => {
    done.length = 0;
  });
  afterAll(() => world.close());

  function send(method: string, path: string, body = '', type = JSON_TYPE) {
    const url = world.serverUrl + path;
    const signing = { clientSecret: 'sandbox-client-secret', method, url, timestamp: Date.now() };
    const headers = { ...signatureHeaders(['v3'], { ...signing, body }), 'content-type': type };
    return fetch(url, { method, headers, ...(body && { body }) });
  }

  const read = async (answer: Response) => JSON.parse(await answer.text());

  it.each([
    ['answers with 500', { status: 500, afterwards: true }],
    ['closes the connection', { status: 0, afterwards: true }],
    ['answers with what is no JSON', { status: 201, body: '<html>' }],
    ['answers without the contact', { status: 201, body: {} }],
  ])('that creates a record is reported as unconfirmed when HubSpot %s', async (_what, failure) => {
    const path = '/crm/objects/2026-09/contacts';
    await world.sandbox.control('failures', { method: 'POST', path, ...failure });
    const answer = await send('POST', '/crm-extension/orders/actions/register', JSON.stringify(values));
    expect(answer.headers.get('retry-after')).toBe(null);
    expect(await expectError(answer, 502, 'hubspot_unconfirmed')).toContain('may have been carried out');
  });

  const remind = '/crm-extension/orders/actions/remind';

  it.each([
    ['GET with a query', 'GET', `${remind}?${query}`, '', JSON_TYPE],
    ['DELETE with a query', 'DELETE', `${remind}?${query}`, '', JSON_TYPE],
    ['POST with a form, as classic cards send it', 'POST', remind, query, FORM],
    ['PUT with JSON', 'PUT', remind, JSON.stringify({ ...values, portalId: 62515 }), JSON_TYPE],
    [
      'PATCH with both, as app cards send it',
      'PATCH',
      `${remind}?${query}`,
      JSON.stringify(values),
      JSON_TYPE,
    ],
  ])('runs its action on %s', async (_what, method, path, body, type) => {
    const answer = await send(method, path, body, type);
    expect([answer.status, await answer.json()]).toEqual([200, { message: 'Reminder sent' }]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(done).toEqual([
      {
        portalId: 62515,
        objectType: 'CONTACT',
        objectId: '101',
        userId: '7',
        userEmail: 'sales@example.com',
        properties: { email: 'jane@example.com', phone: '+1 2&3' },
      },
    ]);
  });

  it.each(['HEAD', 'OPTIONS', 'PROPFIND'])('runs no action on %s', async (method) => {
    const answer = await send(method, `${remind}?${query}`);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST, PUT, PATCH, DELETE']);
    expect(done).toEqual([]);
  });

  it.each([
    ['two user ids', 'GET', `${remind}?${query}&userId=8`, '', 'userId: was sent several times'],
    ['two portals', 'POST', `${remind}?${query}`, JSON.stringify({ ...values, portalId: 62516 }), 'portalId'],
    ['no record', 'POST', remind, '{"portalId":62515}', 'associatedObjectId'],
    ['a list', 'POST', remind, '[]', 'JSON object'],
    ['half of the JSON', 'POST', remind, '{"portalId":', 'JSON object'],
    ['a value that is an object', 'POST', remind, JSON.stringify({ ...values, email: {} }), 'email'],
    ['nothing', 'GET', remind, '', 'portalId'],
  ])('rejects %s with the reason, without running its action', async (_what, method, path, body, problem) => {
    const answer = await send(method, path, body);
    const { error } = await read(answer);
    expect([answer.status, error.code]).toEqual([400, 'invalid_request']);
    expect(error.message).toContain(problem);
    expect(done).toEqual([]);
  });

  it.each([
    '/crm-extension/orders/actions/refund',
    '/crm-extension/orders/actions/toString',
    '/crm-extension/invoices/actions/remind',
  ])('that does not exist gets 404: %s', async (path) => {
    await expectError(await send('GET', `${path}?${query}`), 404, 'not_found');
  });

  it('that fails returns an error without details', async () => {
    const answer = await send('POST', '/crm-extension/orders/actions/breakdown', JSON.stringify(values));
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('a bug of the vendor');
  });

  it('has the URL that the card sets', async () => {
    const answer = await send('GET', `/crm-extension/orders?${query}`);
    const { results } = await read(answer);
    expect(results[0].title).toBe(world.serverUrl + remind);
  });

  it('can check the scopes of the install', async () => {
    const answer = await send('POST', '/crm-extension/orders/actions/mayWrite', JSON.stringify(values));
    expect(await answer.json()).toEqual({ message: 'timeline true, commerce false' });
  });

  it('is not offered when the account has not granted its scopes', async () => {
    const grant = (scopes: string) =>
      world.ctx.pool.query('update installs set scopes = $1 where portal_id = 62515 returning scopes', [
        scopes,
      ]);
    const shown = async () => read(await send('GET', `/crm-extension/contact-overview?${query}`));
    const { secondaryActions } = await shown();
    expect(secondaryActions).toHaveLength(1);
    const { rows } = await world.ctx.pool.query('select scopes::text from installs where portal_id = 62515');
    await grant('{oauth,crm.objects.contacts.read}');
    const card = await shown();
    expect(card.results).toHaveLength(1);
    expect(card).not.toHaveProperty('secondaryActions');
    await grant(rows[0].scopes);
  });

  it('that fails shows its message in HubSpot', async () => {
    const hook = { type: 'ACTION_HOOK', httpMethod: 'POST', label: 'Refund' };
    const answer = await fetch(`${world.sandboxUrl}/portals/62515/contacts/101/card-action`, {
      method: 'POST',
      headers: { 'content-type': JSON_TYPE },
      body: JSON.stringify({ ...hook, uri: `${world.serverUrl}/crm-extension/orders/actions/refund` }),
    });
    const message = 'The card "orders" has no action "refund".';
    expect(await answer.json()).toEqual({ ok: false, message });
  });

  it('in HubSpot changes the contact once, however often it is clicked, and then disappears', async () => {
    const shown = async () =>
      (await read(await send('GET', `/crm-extension/contact-overview?${query}`))).secondaryActions;
    const [button] = await shown();
    expect(button).toMatchObject({ type: 'CONFIRMATION_ACTION_HOOK', label: 'Make customer' });
    const click = () =>
      fetch(`${world.sandboxUrl}/portals/62515/contacts/101/card-action`, {
        method: 'POST',
        headers: { 'content-type': JSON_TYPE },
        body: JSON.stringify(button),
      });
    for (const answer of [await click(), await click()])
      expect(await answer.json()).toEqual({ ok: true, message: 'The contact is a customer now.' });
    const { properties } = await world.ctx.hubspotFor(62515).contacts.get('101');
    expect(properties.lifecyclestage).toBe('customer');
    expect(await shown()).toBeUndefined();
  });
});
