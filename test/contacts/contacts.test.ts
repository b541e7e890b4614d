import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectError } from '../helpers/expect-error.ts';
import { startWorld, type World } from '../helpers/world.ts';

const CONTACT = '/hubid/62515/contact/new.person@example.com';

describe('/hubid/:hubId/contact/:email', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  beforeEach(async () => {
    await world.sandbox.control('reset');
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  it('GET answers with 404 when there is no contact with the address', async () => {
    const answer = await world.apiRequest('GET', CONTACT);
    await expectError(answer, 404, 'not_found');
  });

  it.each([
    ['an object', { properties: { firstname: 'New', lastname: null } }],
    ['the list of HubSpot’s API of 2019', [{ property: 'firstname', value: 'New' }]],
  ])('POST creates a contact with 201, and updates it with 200, from %s', async (_format, body) => {
    await world.apiRequest('POST', CONTACT, body).expect(201);
    await world.apiRequest('POST', CONTACT, { properties: { lastname: 'Person' } }).expect(200);
    const { body: contact } = await world.apiRequest('GET', CONTACT).expect(200);
    expect(contact.properties).toMatchObject({ firstname: 'New', lastname: 'Person' });
  });

  it('POST names a property that the list contains twice, and changes nothing', async () => {
    const twice = ['New', 'Newer'].map((value) => ({ property: 'firstname', value }));
    const message = await expectError(await world.apiRequest('POST', CONTACT, twice), 400, 'invalid_request');
    expect(message).toContain('"firstname" is given twice');
    await world.apiRequest('GET', CONTACT).expect(404);
  });
});
