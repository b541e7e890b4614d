import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PortalClient } from '../../../app/hubspot/portal-client.ts';
import { requestsOf } from '../../helpers/crm-world.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const PATH = '/crm/objects/2026-09/contacts';
const EVENT_TYPE = 'ae193354_app-activity';

describe('calls that wait for the call budget', () => {
  let world: World;
  let hubspot: PortalClient;
  let ids: string[];
  beforeAll(async () => {
    world = await startWorld({ settings: { HUBSPOT_RATE_LIMIT: '1000' } });
    await world.sandbox.setApp({ rateLimit: null });
    await world.install();
    hubspot = world.hubspot();
  });
  afterAll(() => world.close());

  beforeEach(async () => {
    await world.sandbox.control('reset');
    await world.sandbox.setApp({ rateLimit: null });
    await world.install();
    const inputs = Array.from({ length: 8 }, (_, index) => ({
      properties: { email: `c${index}@example.com`, phone: '0' },
    }));
    const created = await hubspot.contacts.batchCreate(inputs);
    ids = created.map(({ result }) => result?.id ?? '');
  });

  const sent = async (work: () => Promise<unknown>) =>
    (await requestsOf(world.sandbox, work)).map(({ method, path }) => `${method} ${path}`);

  it('read together, and a call that does not wait is sent by itself', async () => {
    const reads = () => Promise.all(ids.map((id) => hubspot.contacts.get(id, ['phone'])));
    expect(await sent(reads)).toEqual([`POST ${PATH}/batch/read`]);
    expect(await sent(() => hubspot.contacts.get(ids[0] ?? ''))).toEqual([`GET ${PATH}/${ids[0]}`]);
  });

  it('get the same records as by themselves, whatever they are looked up by', async () => {
    const read = [
      () => hubspot.contacts.get(ids[0] ?? '', ['phone']),
      () => hubspot.contacts.get(ids[1] ?? '', ['phone']),
      () => hubspot.contacts.getByEmail('c2@example.com', ['phone']),
      () => hubspot.contacts.getByEmail('C3@Example.com', ['phone']),
      () => hubspot.contacts.get(ids[4] ?? '', ['phone'], { associations: ['companies'] }),
      () => hubspot.contacts.get(ids[4] ?? '', []),
      () => hubspot.contacts.get(ids[5] ?? '', []),
    ];
    const single = [];
    for (const one of read) single.push(await one());
    expect(await Promise.all(read.map((one) => one()))).toEqual(single);
  });

  it('share one read of the same record', async () => {
    const same = () =>
      Promise.all([ids[0], ids[0], ids[0]].map((id) => hubspot.contacts.get(id ?? '', ['phone'])));
    expect(await sent(same)).toEqual([`GET ${PATH}/${ids[0]}`]);
  });

  it('get their own errors, and merged records, as by themselves', async () => {
    const [merged = '', primary = '', archived = '', good = ''] = ids;
    await hubspot.contacts.merge(primary, merged);
    await hubspot.contacts.archive(archived);
    const asked = [merged, primary, archived, '999999999', 'no-id', good];
    const single = [];
    for (const id of asked) single.push(await outcomeOf(hubspot.contacts.get(id, ['email'])));
    const together = await Promise.all(asked.map((id) => outcomeOf(hubspot.contacts.get(id, ['email']))));
    expect(together).toEqual(single);
  });

  it('update together, and get their own errors', async () => {
    const [one = '', two = '', three = ''] = ids;
    const writes = () =>
      Promise.all([
        outcomeOf(hubspot.contacts.update(one, { phone: '1' })),
        outcomeOf(hubspot.contacts.update(two, { no_such_property: '2' })),
        outcomeOf(hubspot.contacts.update(three, { phone: '3' })),
        outcomeOf(hubspot.contacts.update('999999999', { phone: '4' })),
      ]);
    let outcomes: unknown[] = [];
    const requests = await sent(async () => {
      outcomes = await writes();
    });
    expect(requests.sort()).toEqual([
      `PATCH ${PATH}/${two}`,
      `PATCH ${PATH}/999999999`,
      `POST ${PATH}/batch/update`,
    ]);
    const single = [
      await outcomeOf(hubspot.contacts.update(two, { no_such_property: '2' })),
      await outcomeOf(hubspot.contacts.update('999999999', { phone: '4' })),
    ];
    expect([outcomes[1], outcomes[3]]).toEqual(single);
    const phones = await Promise.all([one, three].map((id) => hubspot.contacts.get(id, ['phone'])));
    expect(phones.map(({ properties }) => properties.phone)).toEqual(['1', '3']);
  });

  it('read associations together, and those with none by themselves', async () => {
    const [one = '', two = '', none = ''] = ids;
    const companies = await hubspot.companies.batchCreate([
      { properties: { name: 'A', domain: 'a.example' } },
      { properties: { name: 'B', domain: 'b.example' } },
    ]);
    const [a = '', b = ''] = companies.map(({ result }) => result?.id ?? '');
    for (const [from, to] of [
      [one, a],
      [one, b],
      [two, b],
    ] as const) {
      await hubspot.associations.createDefault({ type: 'contacts', id: from }, { type: 'companies', id: to });
    }
    const list = async (id: string) => {
      const found = [];
      for await (const { toObjectId } of hubspot.associations.list({ type: 'contacts', id }, 'companies')) {
        found.push(toObjectId);
      }
      return found;
    };
    let found: string[][] = [];
    const requests = await sent(async () => {
      found = await Promise.all([one, two, none].map(list));
    });
    expect(found).toEqual([[a, b], [b], []]);
    expect(requests).toEqual([
      expect.stringMatching(/^POST .*\/associations\/.*\/contacts\/companies\/batch\/read$/),
      expect.stringMatching(new RegExp(`^GET .*/contacts/${none}/associations/companies$`)),
    ]);
  });

  it('send app events together, and by themselves when HubSpot rejects one', async () => {
    const event = (id: string, objectId = ids[0]) =>
      outcomeOf(
        hubspot.timeline.sendEvent({
          eventTypeName: EVENT_TYPE,
          id,
          objectId: objectId ?? '',
          properties: {},
        }),
      );
    const batch = expect.stringMatching(/^POST .*\/events\/batch$/);
    expect(await sent(() => Promise.all(['a', 'b', 'c'].map((id) => event(id))))).toEqual([batch]);

    let outcomes: unknown[] = [];
    const requests = await sent(async () => {
      outcomes = await Promise.all([event('a'), event('d'), event('e', '999999999')]);
    });
    expect(requests).toHaveLength(4);
    expect(outcomes).toEqual([
      { value: undefined },
      { value: undefined },
      { error: expect.stringContaining('404') },
    ]);
    const { results } = await world.sandbox.read('timeline?portalId=62515&email=c0@example.com');
    expect(results.map(({ id }: { id: string }) => id).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('go first when they are interactive', async () => {
    const background = world.ctx.hubspotFor(62515, 'background');
    const [first, second] = [ids.slice(0, 4), ids.slice(4)];
    const requests = await requestsOf(world.sandbox, () =>
      Promise.all([
        ...first.map((id) => background.contacts.get(id, ['phone'])),
        ...second.map((id) => hubspot.contacts.get(id, ['phone'])),
      ]),
    );
    const read = requests.map(({ body }) => body.inputs.map(({ id }: { id: string }) => id));
    expect(read).toEqual([second, first]);
  });

  /** Statuses with which the sandbox fails some batches; 0 closes the connection. */
  const FAILURES = [0, 400, 429, 500, 503];

  it('are answered as by themselves, for random reads and updates and failing batches', async () => {
    const operation = fc.record({
      record: fc.nat({ max: 9 }),
      isUpdate: fc.boolean(),
      /** Turns of the event loop before it starts. */
      turns: fc.nat({ max: 30 }),
    });
    const failures = fc.array(fc.record({ status: fc.constantFrom(...FAILURES), afterwards: fc.boolean() }), {
      maxLength: 2,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 1, maxLength: 40 }),
        failures,
        async (operations, failing) => {
          await world.sandbox.control('reset');
          await world.sandbox.setApp({ rateLimit: null });
          await world.install();
          const known = await hubspot.contacts.batchCreate(
            Array.from({ length: 8 }, (_, index) => ({
              properties: { email: `p${index}@example.com`, phone: '0' },
            })),
          );
          // The last two do not exist.
          const records = [...known.map(({ result }) => result?.id ?? ''), '888888888', '999999999'];
          for (const { status, afterwards } of failing) {
            const headers = status === 429 ? { 'retry-after': '0' } : {};
            await world.sandbox.control('failures', { path: `${PATH}/batch/*`, status, afterwards, headers });
          }

          /** Per record: how many updates have started and how many have ended. */
          const started = records.map(() => 0);
          const ended = records.map(() => 0);
          await Promise.all(
            operations.map(async ({ record, isUpdate, turns }) => {
              for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
              const id = records[record] ?? '';
              const exists = record < 8;
              if (isUpdate) {
                started[record] = (started[record] ?? 0) + 1;
                const mine = started[record];
                const outcome = await outcomeOf(hubspot.contacts.update(id, { phone: String(mine) }));
                ended[record] = Math.max(ended[record] ?? 0, mine ?? 0);
                if (exists)
                  expect(outcome).toMatchObject({ value: { id, properties: { phone: String(mine) } } });
                else expect(outcome).toEqual({ error: expect.stringContaining(`PATCH ${PATH}/${id}: 404`) });
              } else {
                const before = ended[record] ?? 0;
                const outcome = await outcomeOf(hubspot.contacts.get(id, ['phone']));
                if (!exists) {
                  expect(outcome).toEqual({ error: expect.stringContaining(`GET ${PATH}/${id}: 404`) });
                  return;
                }
                expect(outcome).toMatchObject({ value: { id } });
                const { value } = outcome as { value: { properties: { phone: string } } };
                const seen = Number(value.properties.phone);
                expect(seen).toBeGreaterThanOrEqual(before);
                expect(seen).toBeLessThanOrEqual(started[record] ?? 0);
              }
            }),
          );
          // The last update of each record wins.
          for (const [index, id] of records.slice(0, 8).entries()) {
            const { properties } = await hubspot.contacts.get(id, ['phone']);
            expect(properties.phone).toBe(String(started[index]));
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

/** The value or the error of a call, without what differs from call to call. */
const outcomeOf = (call: Promise<unknown>): Promise<{ value: unknown } | { error: string }> =>
  call.then(
    (value) => ({ value }),
    (error: Error) => ({ error: error.message }),
  );
