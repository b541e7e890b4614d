import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectError } from '../helpers/expect-error.ts';
import { signedRequest } from '../helpers/signed-request.ts';
import { startWorld, type World } from '../helpers/world.ts';

describe('unknown routes and records', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  it.each([
    ['GET', '/nothing'],
    ['POST', '/nothing'],
    ['GET', '/webhook'],
    ['PATCH', '/hubid/62515'],
    ['GET', '/assets/nothing.css'],
    ['GET', '/assets/..%2f..%2fpackage.json'],
    ['GET', '/.env'],
  ])('%s %s is answered with 404 in JSON for a program', async (method, path) => {
    await expectError(await world.request(method, path), 404, 'not_found');
  });

  it('a browser gets a page with the request id and an escaped path', async () => {
    const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
    const answer = await world.request('GET', '/<script>alert(1)</script>').set(browser);
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    const text = answer.text;
    expect(text).toContain('<h1>There is no such page</h1>');
    expect(text).toContain(answer.headers['x-request-id']);
    expect(text).not.toContain('<script>alert');
  });

  it('a portal without an install gets 404 and the next step', async () => {
    const asked = [
      world.apiRequest('GET', '/hubid/999'),
      world.apiRequest('DELETE', '/hubid/999'),
      world.apiRequest('GET', '/hubid/999/contact/jane@example.com'),
      world.apiRequest('POST', '/hubid/999/contact/jane@example.com', { properties: {} }),
      world.apiRequest('PUT', '/hubid/999/timeline/jane@example.com'),
      signed('/crm-extension?portalId=999&associatedObjectId=101&associatedObjectType=CONTACT'),
    ];
    for (const answer of await Promise.all(asked)) {
      expect(await expectError(answer, 404, 'install_not_found')).toBe(
        'Portal 999 has not installed this app. Open /install to connect it.',
      );
    }
  });

  it('an unknown contact, card or marketing event gets 404', async () => {
    await expectError(await world.apiRequest('GET', '/hubid/62515/contact/no@example.com'), 404, 'not_found');
    await expectError(await world.apiRequest('GET', '/marketing-events/acct/none'), 404, 'not_found');
    await expectError(await world.apiRequest('DELETE', '/marketing-events/acct/none'), 404, 'not_found');
    const query = 'portalId=62515&associatedObjectId=999999&associatedObjectType=CONTACT';
    await expectError(await signed(`/crm-extension?${query}`), 404, 'not_found');
    const message = await expectError(await signed(`/crm-extension/none?${query}`), 404, 'not_found');
    expect(message).toBe('This app has no card "none".');
  });

  describe('the request id', () => {
    it('of the caller is kept when it is valid', async () => {
      const answer = await world.request('GET', '/nothing').set({ 'x-request-id': 'caller-1234_5678' });
      expect(answer.headers['x-request-id']).toBe('caller-1234_5678');
      await expectError(answer, 404, 'not_found');
    });

    it.each(['short', 'x'.repeat(65), 'with space here', '<script>alert(1)</script>', '{"a":"b"}xx'])(
      'of the caller is replaced when it is %s',
      async (given) => {
        const answer = await world.request('GET', '/nothing').set({ 'x-request-id': given });
        expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
        await expectError(answer, 404, 'not_found');
      },
    );
  });

  const signed = (path: string, method = 'GET', body = '') => signedRequest(world, path, method, body);
});
