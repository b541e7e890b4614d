import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, requiredScopes, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(async () => {
  await hubspot.control('/reset', {});
  const scope = `${requiredScopes} crm.objects.companies.read crm.objects.deals.read`;
  api = hubspot.api((await hubspot.install(62515, scope)).access);
});

const contacts = '/crm/objects/2026-09/contacts';
const search = (body: unknown) => api('POST', `${contacts}/search`, body);
const emailsFor = async (...filters: unknown[]) => {
  const { body } = await search({ filterGroups: [{ filters }], properties: ['email'], limit: 200 });
  return body.results.map((result: { properties: { email: string } }) => result.properties.email);
};

describe('contacts', () => {
  describe('with secondary addresses', () => {
    const FURTHER = 'hs_additional_emails';
    const addresses = async (id: string) => {
      const { properties } = (await api('GET', `${contacts}/${id}?properties=email,${FURTHER}`)).body;
      return [properties.email, properties[FURTHER]];
    };
    const conflict = (id: string) => ({
      category: 'CONFLICT',
      message: `Contact already exists. Existing ID: ${id}`,
    });
    beforeEach(async () => {
      const properties = { [FURTHER]: 'Jane@Work.example; doe@example.com' };
      expect((await api('PATCH', `${contacts}/101`, { properties })).status).toBe(200);
    });

    it('are found, changed and upserted by each of them', async () => {
      expect(await addresses('101')).toEqual(['jane@example.com', 'jane@work.example;doe@example.com']);
      const byFurther = `${contacts}/JANE@work.example?idProperty=email`;
      expect((await api('GET', byFurther)).body.id).toBe('101');
      expect((await api('PATCH', byFurther, { properties: { city: 'Boston' } })).body.id).toBe('101');
      const inputs = [{ id: 'doe@example.com', idProperty: 'email', properties: { city: 'Nara' } }];
      expect((await api('POST', `${contacts}/batch/upsert`, { inputs })).body.results).toMatchObject([
        { id: '101', new: false },
      ]);
      const read = { idProperty: 'email', inputs: [{ id: 'doe@example.com' }] };
      expect((await api('POST', `${contacts}/batch/read`, read)).body.results).toMatchObject([{ id: '101' }]);
      const filter = { propertyName: 'email', operator: 'EQ', value: 'doe@example.com' };
      expect(await emailsFor(filter)).toEqual(['jane@example.com']);
    });

    it('have them exclusively', async () => {
      for (const email of ['jane@work.example', 'doe@example.com']) {
        for (const properties of [{ email }, { [FURTHER]: `else@example.com;${email}` }]) {
          const made = await api('POST', contacts, { properties });
          expect([made.status, made.body]).toMatchObject([409, conflict('101')]);
          const changed = await api('PATCH', `${contacts}/102`, { properties });
          expect([changed.status, changed.body]).toMatchObject([409, conflict('101')]);
        }
      }
      const first = await api('PATCH', `${contacts}/102`, { properties: { [FURTHER]: 'jane@example.com' } });
      expect([first.status, first.body]).toMatchObject([409, conflict('101')]);
      const inputs = [{ email: 'new@example.com' }, { [FURTHER]: 'new@example.com' }].map((properties) => ({
        properties,
      }));
      expect((await api('POST', `${contacts}/batch/create`, { inputs })).status).toBe(409);
    });

    it('free addresses that are removed', async () => {
      await api('PATCH', `${contacts}/101`, { properties: { [FURTHER]: 'doe@example.com' } });
      const { status } = await api('POST', contacts, { properties: { email: 'jane@work.example' } });
      expect(status).toBe(201);
      await api('DELETE', `${contacts}/101`);
      expect((await api('POST', contacts, { properties: { email: 'doe@example.com' } })).status).toBe(201);
    });

    it('can add one without repeating the others, and reject invalid ones', async () => {
      await api('PATCH', `${contacts}/101`, { properties: { [FURTHER]: ';third@example.com' } });
      expect((await addresses('101'))[1]).toBe('jane@work.example;doe@example.com;third@example.com');
      const properties = { [FURTHER]: 'fourth@example.com;jane@nowhere.invalidtld' };
      expect((await api('PATCH', `${contacts}/101`, { properties })).body.errors).toMatchObject([
        { code: 'INVALID_EMAIL', message: 'Email address jane@nowhere.invalidtld is invalid' },
      ]);
    });

    it('can swap the primary one with a secondary one', async () => {
      await api('PATCH', `${contacts}/101`, { properties: { email: 'doe@example.com' } });
      expect(await addresses('101')).toEqual(['doe@example.com', 'jane@example.com;jane@work.example']);
    });

    it('keep the addresses of a merged contact', async () => {
      await api('POST', `${contacts}/merge`, { primaryObjectId: '102', objectIdToMerge: '101' });
      expect(await addresses('102')).toEqual([
        'taro.yamada@example.com',
        'jane@example.com;jane@work.example;doe@example.com',
      ]);
      expect((await api('GET', `${contacts}/jane@example.com?idProperty=email`)).body.id).toBe('102');
    });
  });

  const refused = [
    'jane@nowhere.invalidtld',
    'jane@gmail.con',
    'jane@hospital.nhs.ik',
    'jane@com',
    'jane@192.0.2.1',
    'jane@[192.0.2.1]',
    '"Jane Doe"@example.com',
    'jane.@example.com',
    'jane..doe@example.com',
    'jane doe@example.com',
    'jane@doe@example.com',
    'jane@-example.com',
    'jane@example..com',
    '@example.com',
    'jäne@example.com',
  ];
  it.each(refused)('are rejected with the address %s and HubSpot’s message', async (email) => {
    const message = `Email address ${email} is invalid`;
    const invalid = { category: 'VALIDATION_ERROR', errors: [{ code: 'INVALID_EMAIL', message }] };
    const writes = [
      await api('POST', contacts, { properties: { email } }),
      await api('PATCH', `${contacts}/101`, { properties: { email } }),
      await api('PATCH', `${contacts}/jane@example.com?idProperty=email`, { properties: { email } }),
      await api('POST', `${contacts}/batch/create`, { inputs: [{ properties: { email } }] }),
      await api('POST', `${contacts}/batch/update`, { inputs: [{ id: '101', properties: { email } }] }),
      await api('POST', `${contacts}/batch/upsert`, {
        inputs: [{ id: email, idProperty: 'email', properties: { lastname: 'x' } }],
      }),
    ];
    for (const { status, body } of writes) expect([status, body]).toMatchObject([400, invalid]);
    const traced = { inputs: [{ properties: { email }, objectWriteTraceId: 'a' }] };
    const alone = await api('POST', `${contacts}/batch/create`, traced);
    expect(alone.body).toMatchObject({ results: [], errors: [{ category: 'VALIDATION_ERROR' }] });
    expect(alone.body.errors[0].message).toContain('INVALID_EMAIL');
  });

  it.each([
    'Jane@Startup.VENTURES',
    'jane@studio.design',
    "miles.o'brien+ds9@sub.example.co.uk",
    'user@email.삼성',
    'user@bücher.example',
    ' spaces.around@example.com ',
  ])('are accepted with the address %s', async (email) => {
    const { status, body } = await api('POST', contacts, { properties: { email } });
    expect([status, body.properties?.email]).toEqual([201, email.trim().toLowerCase()]);
  });
});
