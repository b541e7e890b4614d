import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

describe('batches', () => {
  let world: CrmWorld;
  let hubspot: CrmWorld['hubspot'];
  beforeAll(async () => {
    world = await startCrmWorld();
    hubspot = world.hubspot;
  });
  afterAll(() => world.close());

  const company = (name: string) => ({ properties: { name } });

  it('are sent in hundreds, with progress, and return outcomes in order', async () => {
    const names = Array.from({ length: 250 }, (_, at) => `Company ${at}`);
    const progress: number[] = [];
    let outcomes: { result?: { properties: Record<string, string | null> } | undefined }[] = [];
    const requests = await world.requestsOf(async () => {
      outcomes = await hubspot.companies.batchCreate(names.map(company), (done) => progress.push(done));
    });
    expect(requests.map(({ body }) => body.inputs.length)).toEqual([100, 100, 50]);
    expect(progress).toEqual([100, 200, 250]);
    expect(outcomes.map(({ result }) => result?.properties.name)).toEqual(names);
  });

  it('report which inputs failed and why, and write the others', async () => {
    const outcomes = await hubspot.companies.batchCreate([
      company('Good'),
      { properties: { name: 'Bad', numberofemployees: 'many' } },
      company('Good too'),
    ]);
    expect(outcomes.map(({ failure }) => failure?.message)).toEqual([
      undefined,
      expect.stringContaining('many was not a valid number'),
      undefined,
    ]);
    expect(outcomes[1]?.failure?.category).toBe('VALIDATION_ERROR');
  });

  it('upsert by address, and halve a rejected request until the bad address is isolated', async () => {
    const inputs = ['a@batch.example', 'not an address', 'jane@example.com', 'b@batch.example'].map((id) => ({
      id,
      properties: { lastname: 'Batch' },
    }));
    const outcomes = await hubspot.contacts.batchUpsert('email', inputs);
    expect(outcomes.map(({ failure }) => failure?.message ?? 'written')).toEqual([
      'written',
      expect.stringContaining('invalid'),
      'written',
      'written',
    ]);
    expect(outcomes[2]?.result?.id).toBe('101');
    expect((await hubspot.contacts.getByEmail('b@batch.example')).properties.lastname).toBe('Batch');
  });

  it('update by id or by a unique property', async () => {
    const byId = await hubspot.companies.batchUpdate([
      { id: '301', properties: { city: 'Kobe' } },
      { id: '999999', properties: { city: 'Nowhere' } },
    ]);
    expect(byId.map(({ failure }) => failure?.category)).toEqual([undefined, 'OBJECT_NOT_FOUND']);
    const byEmail = await hubspot.contacts.batchUpdate(
      [{ id: 'Jane@Example.com', properties: { jobtitle: 'CEO' } }],
      { idProperty: 'email' },
    );
    expect(byEmail[0]?.result?.id).toBe('101');
  });

  it('read by id or by address and report what is missing', async () => {
    const byId = await hubspot.contacts.batchRead(['101', '999999'], ['firstname']);
    expect(byId.map(({ input, result }) => [input, result?.properties.firstname])).toEqual([
      ['101', 'Jane'],
      ['999999', undefined],
    ]);
    const byEmail = await hubspot.contacts.batchRead(['JANE@example.com', 'no@example.com'], [], {
      idProperty: 'email',
    });
    expect(byEmail.map(({ result }) => result?.id)).toEqual(['101', undefined]);
    expect(byEmail[1]?.failure?.category).toBe('OBJECT_NOT_FOUND');
  });

  it('read a record that was merged into another, also together with that one', async () => {
    const made = await hubspot.companies.batchCreate(['A', 'B', 'C', 'D'].map(company));
    const [a = '', b = '', c = '', d = ''] = made.map(({ result }) => result?.id);
    await hubspot.companies.merge(a, b);
    await hubspot.companies.merge(c, d);
    const read = async (...ids: string[]) =>
      (await hubspot.companies.batchRead(ids, ['name'])).map(({ result }) => result?.properties.name);
    expect(await read(b, d)).toEqual(['A', 'C']);
    expect(await read(b, a)).toEqual(['A', 'A']);
    expect(await read(b, '999999', d)).toEqual(['A', undefined, 'C']);
  });

  it('archive', async () => {
    const [made] = await hubspot.companies.batchCreate([company('Short-lived')]);
    const id = made?.result?.id ?? '';
    expect(await hubspot.companies.batchArchive([id])).toEqual([{ input: id, result: true }]);
    await expect(hubspot.companies.get(id)).rejects.toMatchObject({ status: 404 });
  });

  it('fail only the inputs of a failed request, and never retry a create', async () => {
    const path = '/crm/objects/2026-09/companies/batch/create';
    await world.sandbox.control('failures', { method: 'POST', path, status: 500, body: {}, times: 1 });
    const inputs = Array.from({ length: 150 }, (_, at) => company(`Lost ${at}`));
    let failed: number[] = [];
    const requests = await world.requestsOf(async () => {
      const outcomes = await hubspot.companies.batchCreate(inputs);
      failed = outcomes.flatMap(({ failure }, index) => (failure ? [index] : []));
    });
    expect(failed).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(requests).toHaveLength(2);
  });

  describe('when HubSpot’s response is unusual', () => {
    const names = ['One', 'Two', 'Three'];
    const made = (index: number) => ({
      id: String(7001 + index),
      properties: { name: names[index] },
      objectWriteTraceId: String(index),
    });
    const error = { message: 'No.', context: { objectWriteTraceId: ['2'] } };

    it.each<[string, Record<string, unknown>, (string | undefined)[]]>([
      ['null as category', { errors: [{ ...error, category: null }] }, ['7001', '7002', 'No.']],
      ['null as errors of an error', { errors: [{ ...error, errors: null }] }, ['7001', '7002', 'No.']],
      [
        'an error of an error without a message',
        { errors: [{ ...error, errors: [{ message: null }, { message: 'Why.' }] }] },
        ['7001', '7002', 'No. (Why.)'],
      ],
      [
        'an error that is null',
        { errors: [null] },
        ['7001', '7002', expect.stringMatching(/no reason/) as never],
      ],
      ['an error that is text', { errors: ['No.'] }, ['7001', '7002', 'No.']],
      ['an error that names no input', { errors: [{ message: 'No.' }] }, ['7001', '7002', 'No.']],
      ['null as errors', { errors: null }, ['7001', '7002', 'HubSpot did not say what became of it']],
      [
        'only a number of errors',
        { errors: null, numErrors: 1 },
        ['7001', '7002', 'HubSpot reported an error and no reason'],
      ],
      [
        'a result that cannot be read',
        { results: [made(0), { id: null }, made(1)], errors: [error] },
        ['7001', '7002', 'No.'],
      ],
    ])('%s: created records are reported as created', async (_what, odd, expected) => {
      const path = '/crm/objects/2026-09/companies/batch/create';
      const body = { status: 'COMPLETE', results: [made(0), made(1)], ...odd };
      await world.sandbox.control('failures', { method: 'POST', path, status: 207, body });
      const outcomes = await hubspot.companies.batchCreate(names.map(company));
      expect(outcomes.map(({ result, failure }) => result?.id ?? failure?.message)).toEqual(expected);
    });

    it('unmentioned inputs count as done only when nothing failed', async () => {
      const path = '/crm/objects/2026-09/companies/batch/archive';
      const archive = async (body: Record<string, unknown>) => {
        await world.sandbox.control('failures', { method: 'POST', path, status: 207, body });
        const outcomes = await hubspot.companies.batchArchive(['7001', '7002']);
        return outcomes.map(({ result, failure }) => result ?? failure?.message);
      };
      expect(await archive({ errors: [{ message: 'No.', context: { ids: ['7002'] } }] })).toEqual([
        true,
        'No.',
      ]);
      expect(await archive({ errors: [{ message: 'No.' }] })).toEqual(['No.', 'No.']);
      expect(await archive({ errors: null, numErrors: 2 })).toEqual(
        Array(2).fill(expect.stringMatching(/no reason/)),
      );
      expect(await archive({ results: [] })).toEqual([true, true]);
    });
  });

  it('write the valid inputs of a request that is rejected because of a duplicate', async () => {
    const outcomes = await hubspot.companies.batchUpdate(
      ['301', '302', '301'].map((id, at) => ({ id, properties: { city: `City ${at}` } })),
    );
    expect(outcomes.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined]);
    expect((await hubspot.companies.get('301', ['city'])).properties.city).toBe('City 2');
  });

  it('are halved to single inputs when a few invalid ones are spread over the request', async () => {
    const toBlame = [12, 37, 62, 87];
    const inputs = Array.from({ length: 100 }, (_, at) => ({
      id: `spread-${at}@batch.example`,
      properties: { lastname: 'X', ...(toBlame.includes(at) && { hubspot_owner_id: '999' }) },
    }));
    const outcomes = await hubspot.contacts.batchUpsert('email', inputs);
    expect(outcomes.flatMap(({ failure }, at) => (failure ? [at] : []))).toEqual(toBlame);
    expect(new Set(outcomes.flatMap(({ failure }) => failure?.message ?? [])).size).toBe(1);
  });

  it('send at most a hundred requests per chunk, and one after a chunk without a valid input', async () => {
    const inputs = Array.from({ length: 200 }, (_, at) => ({
      id: `no address ${at}`,
      properties: { lastname: 'X' },
    }));
    let messages: (string | undefined)[] = [];
    const requests = await world.requestsOf(async () => {
      const outcomes = await hubspot.contacts.batchUpsert('email', inputs);
      messages = outcomes.map(({ failure }) => failure?.message);
    });
    const sizes = requests.map(({ body }) => body.inputs.length);
    expect(sizes.length).toBeLessThanOrEqual(101);
    expect(sizes.filter((size) => size === 100)).toHaveLength(2);
    expect(sizes.at(-1)).toBe(100);
    expect(messages.slice(0, 100)).toEqual(Array(100).fill(expect.any(String)));
    expect(messages.slice(100)).toEqual(
      Array(100).fill(expect.stringMatching(/\(rejected together with 99 others\)$/)),
    );
  });

  it('stop after 403 and report what was not sent', async () => {
    const path = '/crm/objects/2026-09/companies/batch/create';
    await world.sandbox.control('failures', { method: 'POST', path, status: 403, body: {}, times: 1 });
    const inputs = Array.from({ length: 150 }, (_, at) => company(`Forbidden ${at}`));
    const outcomes = await hubspot.companies.batchCreate(inputs);
    expect(outcomes).toHaveLength(150);
    expect(outcomes[149]?.failure?.message).toMatch(/^not sent, after: HubSpot: POST .* 403/);
  });
  it('continue after one unusable response', async () => {
    const path = '/crm/objects/2026-09/companies/batch/create';
    await world.sandbox.control('failures', { method: 'POST', path, status: 201, body: { results: 'none' } });
    const inputs = Array.from({ length: 150 }, (_, at) => company(`Unreadable ${at}`));
    const outcomes = await hubspot.companies.batchCreate(inputs);
    expect(outcomes[99]?.failure?.message).toMatch(/an answer without usable results$/);
    expect(outcomes.flatMap(({ result }) => result ?? [])).toHaveLength(50);
  });

  it('stop after three failed requests in a row', async () => {
    const path = '/crm/objects/2026-09/companies/batch/create';
    await world.sandbox.control('failures', { method: 'POST', path, status: 500, body: {}, times: 3 });
    const inputs = Array.from({ length: 450 }, (_, at) => company(`Down ${at}`));
    let messages: (string | undefined)[] = [];
    const requests = await world.requestsOf(async () => {
      messages = (await hubspot.companies.batchCreate(inputs)).map(({ failure }) => failure?.message);
    });
    expect(requests).toHaveLength(3);
    expect(messages.filter((text) => text?.startsWith('not sent, after: '))).toHaveLength(150);
  });
});
