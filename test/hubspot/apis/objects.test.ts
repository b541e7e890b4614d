import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HubSpotError } from '../../../app/hubspot/client/errors.ts';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

describe('records of HubSpot’s objects API', () => {
  let world: CrmWorld;
  let hubspot: CrmWorld['hubspot'];
  beforeAll(async () => {
    world = await startCrmWorld();
    hubspot = world.hubspot;
  });
  afterAll(() => world.close());

  const refusal = (call: Promise<unknown>) => expect(call).rejects;

  it('are created, read, changed and archived', async () => {
    const { id } = await hubspot.companies.create({ name: '株式会社テスト', domain: 'lifecycle.example' });
    await hubspot.companies.update(id, { city: '東京' });
    const company = await hubspot.companies.get(id, ['name', 'city', 'phone']);
    expect(company).toMatchObject({ id, properties: { name: '株式会社テスト', city: '東京', phone: null } });
    await hubspot.companies.archive(id);
    await refusal(hubspot.companies.get(id)).toMatchObject({ status: 404 });
    expect(await hubspot.companies.get(id, ['name'], { archived: true })).toMatchObject({ archived: true });
  });

  it('are sent with text for every value and without undefined values', async () => {
    const [sent] = await world.requestsOf(() =>
      hubspot.deals.create({
        dealname: 'Typed',
        amount: 30000,
        closedate: new Date('2026-12-18T00:00:00Z'),
        pipeline: 'default',
        dealstage: 'contractsent',
        description: undefined,
        dealtype: null,
      }),
    );
    expect(sent?.body).toEqual({
      properties: {
        dealname: 'Typed',
        amount: '30000',
        closedate: '2026-12-18T00:00:00.000Z',
        pipeline: 'default',
        dealstage: 'contractsent',
        dealtype: '',
      },
      associations: [],
    });
  });

  it.each([
    ['jane@example.com', 'jane@example.com'],
    ['jane+news@example.com', 'jane%2Bnews@example.com'],
    ['jané/ö ?#%@example.com', 'jan%C3%A9%2F%C3%B6%20%3F%23%25@example.com'],
  ])('are read, changed and deleted by the address %s in a path', async (email, part) => {
    const { contacts, owners } = hubspot;
    await contacts.createOrUpdate('jane+news@example.com', {});
    const requests = await world.requestsOf(async () => {
      await contacts.getByEmail(email).catch(() => {});
      await contacts.updateByEmail(email, { firstname: 'Jane' }).catch(() => {});
      await contacts.archive(email).catch(() => {});
      await owners.get(email).catch(() => {});
    });
    const path = `/crm/objects/2026-09/contacts/${part}`;
    expect(requests.map((request) => request.path)).toEqual([
      path,
      path,
      path,
      expect.stringContaining(part),
    ]);
    const found = email.includes('/') ? [404, 404] : [200, 200];
    expect(requests.slice(0, 2).map(({ status }) => status)).toEqual(found);
  });

  it('include the ids of associated records on request', async () => {
    const contact = await hubspot.contacts.get('101', ['email'], { associations: ['companies'] });
    expect(contact.associations?.companies?.results[0]).toMatchObject({ id: '301' });
  });

  it('are listed page by page', async () => {
    const notes = Array.from({ length: 230 }, (_, at) => ({ properties: { hs_note_body: `note ${at}` } }));
    await hubspot.notes.batchCreate(notes);
    let listed: { properties: Record<string, string | null> }[] = [];
    const requests = await world.requestsOf(async () => {
      listed = await Array.fromAsync(hubspot.notes.list());
    });
    expect(listed.map(({ properties }) => properties.hs_note_body)).toEqual(
      notes.map(({ properties }) => properties.hs_note_body),
    );
    expect(requests.map(({ query }) => query.limit)).toEqual(['100', '100', '100']);
  });

  it('are searched by filters and words, and sorted', async () => {
    const stage = await hubspot.deals.inStage('Contract Sent');
    const amounts = ['70001', '70003', '70002', '69999'];
    for (const amount of amounts) await hubspot.deals.create({ dealname: `For ${amount}`, amount, ...stage });
    const filters = [{ propertyName: 'amount', operator: 'GTE', value: '70000' }] as const;
    const dear = await Array.fromAsync(hubspot.deals.search({ filters, properties: ['amount'] }));
    expect(dear.map(({ properties }) => properties.amount).sort()).toEqual(['70001', '70002', '70003']);
    const [greatest] = await Array.fromAsync(
      hubspot.deals.search({ sort: { propertyName: 'amount', direction: 'DESCENDING' } }),
    );
    expect(greatest?.properties.dealname).toBe('For 70003');
    const [jane] = await Array.fromAsync(hubspot.contacts.search({ query: 'jane' }));
    expect(jane?.id).toBe('101');
  });

  it('are merged, if HubSpot supports that', async () => {
    const [one, other] = await Promise.all([
      hubspot.companies.create({ name: 'One' }),
      hubspot.companies.create({ name: 'Other', city: 'Kyoto' }),
    ]);
    const merged = await hubspot.companies.merge(one.id, other.id);
    expect(merged.properties.name).toBe('One');
    const read = await hubspot.companies.get(other.id, ['name', 'city']);
    expect([read.id, read.properties.name, read.properties.city]).toEqual([merged.id, 'One', 'Kyoto']);
    expect('merge' in hubspot.notes).toBe(false);
  });

  it('report the field that HubSpot rejected', async () => {
    const error = await hubspot.contacts.create({ no_such: '1' }).catch((error) => error);
    expect(error).toBeInstanceOf(HubSpotError);
    const errors = [{ message: expect.stringContaining('no_such'), context: { propertyName: ['no_such'] } }];
    expect(error).toMatchObject({ status: 400, category: 'VALIDATION_ERROR', errors });
  });
});

describe('contacts', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  it('are read, changed, and created or updated by address', async () => {
    const { contacts } = world.hubspot;
    expect(await contacts.getByEmail('priya+crm@example.com')).toMatchObject({ id: '105' });
    await contacts.updateByEmail('priya+crm@example.com', { firstname: 'P.' });
    expect((await contacts.get('105')).properties.firstname).toBe('P.');
    const made = await contacts.createOrUpdate('Anna@Example.com', { firstname: 'Anna' });
    const again = await contacts.createOrUpdate('anna@example.com', { firstname: 'Ann' });
    expect([made.created, again.created, again.contact.id]).toEqual([true, false, made.contact.id]);
  });

  it('are not written when the properties contain a different address', async () => {
    const { contacts } = world.hubspot;
    const sent = await world.requestsOf(async () => {
      for (const email of ['jane@example.com', '', null])
        await expect(contacts.createOrUpdate('taro@example.com', { email })).rejects.toMatchObject({
          status: 400,
          code: 'contradicting_values',
          message: expect.stringContaining('another email than taro@example.com'),
        });
    });
    expect(sent).toEqual([]);
    const { contact } = await contacts.createOrUpdate('taro@example.com', { email: ' Taro@Example.com' });
    expect(contact.properties.email).toBe('taro@example.com');
  });

  it('that HubSpot rejects within a batch are rejected with its reason', async () => {
    const errors = [
      { category: 'VALIDATION_ERROR', message: 'No.', errors: [{ message: 'Bad.', in: 'phone' }] },
    ];
    const path = '/crm/objects/2026-09/contacts/batch/upsert';
    await world.sandbox.control('failures', { path, status: 207, body: { results: [], errors } });
    await expect(world.hubspot.contacts.createOrUpdate('x@example.com', {})).rejects.toMatchObject({
      status: 400,
      category: 'VALIDATION_ERROR',
      message: expect.stringContaining('No.'),
      details: ['phone: Bad.'],
    });
  });

  it('are erased, also by address', async () => {
    const { contacts } = world.hubspot;
    await contacts.gdprDelete('taro.yamada@example.com', 'email');
    await expect(contacts.get('102')).rejects.toMatchObject({ status: 404 });
  });
});

describe('companies', () => {
  let world: CrmWorld;
  let companies: CrmWorld['hubspot']['companies'];
  beforeAll(async () => {
    world = await startCrmWorld();
    companies = world.hubspot.companies;
  });
  afterAll(() => world.close());

  it.each([
    ['EXAMPLE.com'],
    ['  example.com. '],
    ['www.example.com'],
    ['https://www.Example.com/about?x=1#y'],
    ['http://example.com:8080'],
  ])('are found by the domain %s', async (domain) => {
    expect((await companies.findByDomain(domain)).map(({ id }) => id)).toEqual(['301']);
  });

  it.each([
    ['https://Shop.Example.co.jp/', 'shop.example.co.jp'],
    ['www.com', 'www.com'],
    ['http://www.例え.jp/会社', '例え.jp'],
    ['xn--r8jz45g.jp', 'xn--r8jz45g.jp'],
  ])('of %s are searched under %s', async (given, domain) => {
    const [sent] = await world.requestsOf(() => companies.findByDomain(given));
    expect(sent?.body.filterGroups[0].filters[0].value).toBe(domain);
  });

  it.each([
    '',
    'example',
    'localhost:3000',
    '10.0.0.10',
    '[::1]',
    'jane@example.com',
    'ftp://example.com',
    'a b.com',
    '.com',
  ])('are not requested when "%s" is not a domain', async (domain) => {
    const sent = await world.requestsOf(async () => {
      const refused = {
        status: 400,
        code: 'invalid_domain',
        message: expect.stringContaining('Nothing was sent'),
      };
      await expect(companies.findByDomain(domain)).rejects.toMatchObject(refused);
      await expect(companies.createOrUpdateByDomain(domain, {})).rejects.toMatchObject(refused);
    });
    expect(sent).toEqual([]);
  });

  it('are created by domain and then updated', async () => {
    const made = await companies.createOrUpdateByDomain('https://www.Once.Example/jobs', { name: 'Once' });
    const again = await companies.createOrUpdateByDomain('ONCE.example', { city: 'Kyoto' });
    expect([made.created, again.created, again.company.id]).toEqual([true, false, made.company.id]);
    const { properties } = await companies.get(made.company.id, ['domain', 'name', 'city']);
    expect(properties).toMatchObject({ domain: 'once.example', name: 'Once', city: 'Kyoto' });
  });

  it('are not written by domain when the properties contain a different one', async () => {
    const sent = await world.requestsOf(async () => {
      await expect(
        companies.createOrUpdateByDomain('one.example', { domain: 'other.example' }),
      ).rejects.toMatchObject({ status: 400, code: 'contradicting_values' });
      await expect(companies.createOrUpdateByDomain('one.example', { domain: '' })).rejects.toMatchObject({
        status: 400,
      });
    });
    expect(sent).toEqual([]);
    const same = { domain: 'https://www.Same.example/' };
    const made = await companies.createOrUpdateByDomain('same.example', same);
    const again = await companies.createOrUpdateByDomain('same.example', same);
    expect([again.created, again.company.id]).toEqual([false, made.company.id]);
    expect((await companies.get(made.company.id, ['domain'])).properties.domain).toBe('same.example');
  });

  it('are created or updated by domain in batches, once per domain', async () => {
    await Promise.all(['C', 'D'].map((name) => companies.create({ name, domain: 'pair.example' })));
    const many = Array.from({ length: 120 }, (_, at) => ({
      id: `https://www.Batch-${at}.example/`,
      properties: { name: `B${at}` },
    }));
    const inputs = [
      { id: 'Example.com', properties: { city: 'Boston' } },
      { id: 'fresh.example', properties: { name: 'Fresh' } },
      { id: 'http://FRESH.example', properties: { city: 'Nara' } },
      { id: 'pair.example', properties: { city: 'Nara' } },
      { id: 'jane@example.com', properties: {} },
      { id: 'number.example', properties: { numberofemployees: 'many' } },
    ];
    const progress: number[] = [];
    const outcomes = await companies.batchUpsert('domain', [...inputs, ...many], (done) =>
      progress.push(done),
    );
    const [known, fresh, same, twins, address, number, ...rest] = outcomes;
    expect([known?.result?.id, known?.result?.new]).toEqual(['301', false]);
    expect([fresh?.result?.new, same?.result?.id]).toEqual([true, fresh?.result?.id]);
    expect(twins?.failure?.message).toMatch(/^Several companies have the domain pair.example: \d+, \d+$/);
    expect(address?.failure?.message).toContain('"jane@example.com" is no domain');
    expect(number?.failure?.message).toContain('many was not a valid number');
    expect(rest.map(({ input, result }) => [input, result?.new])).toEqual(many.map((input) => [input, true]));
    expect(progress.at(-1)).toBe(123);
    const { properties } = await companies.get(fresh?.result?.id ?? '', ['domain', 'name', 'city']);
    expect(properties).toMatchObject({ domain: 'fresh.example', name: 'Fresh', city: 'Nara' });

    const again = await companies.batchUpsert('domain', many);
    expect(again.map(({ result }) => [result?.id, result?.new])).toEqual(
      rest.map(({ result }) => [result?.id, false]),
    );
  });

  it('of a batch are not written when their search fails', async () => {
    const path = '/crm/objects/2026-09/companies/search';
    await world.sandbox.control('failures', { path, status: 400, body: { message: 'No.' } });
    const sent = await world.requestsOf(() =>
      expect(
        companies.batchUpsert('domain', [{ id: 'unsent.example', properties: {} }]),
      ).rejects.toMatchObject({
        status: 400,
      }),
    );
    expect(sent.map((request) => request.path)).toEqual([path]);
  });

  it('with the same domain are reported, and none of them is written', async () => {
    const twins = await Promise.all(
      ['A', 'B'].map((name) => companies.create({ name, domain: 'twin.example' })),
    );
    const ids = twins.map(({ id }) => id).toSorted();
    await expect(companies.createOrUpdateByDomain('twin.example', { city: 'Nara' })).rejects.toMatchObject({
      status: 409,
      code: 'several_companies',
      message: `Several companies have the domain twin.example: ${ids.join(', ')}. Nothing was written. Merge them, or update one by its id.`,
    });
    expect((await companies.get(ids[0] ?? '', ['city'])).properties.city).toBeNull();
  });
});
