import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { startWorld, type World } from '../helpers/world.ts';

const PATH = '/crm/objects/2026-09/contacts/101';

/**
 * HubSpot waits five seconds for a card, other callers wait longer. A retry that HubSpot wants after three seconds shows
 * the difference without a clock: it is too late for a card, however fast the machine is.
 */
describe('a card that is rate-limited for three seconds', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  const sent = async () => (await world.sandbox.read(`requests?path=${PATH}`)).results.length;

  it.each([
    ['GET', 'contact-overview', ''],
    ['POST', 'contact-overview/actions/make-customer', '{"portalId":62515}'],
  ])('answers %s %s with 503 without a retry', async (method, path, body) => {
    await world.sandbox.control('failures', { path: PATH, status: 503, headers: { 'retry-after': '3' } });
    const before = await sent();
    const query = 'portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT';
    const url = `${world.serverUrl}/crm-extension/${path}?${query}`;
    const headers = signatureHeaders(['v3'], {
      clientSecret: 'sandbox-client-secret',
      method,
      url,
      body,
      timestamp: Date.now(),
    });
    const type = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method, headers: { ...headers, ...type }, ...(body && { body }) });
    expect(answer.status).toBe(503);
    // None where the machine is so slow that it would have been too late.
    expect((await sent()) - before).toBeLessThanOrEqual(1);
  });
});
