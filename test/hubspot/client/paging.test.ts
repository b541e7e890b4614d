import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const OBJECTS = '/crm/objects/2026-09';
const record = (id: string) => ({ id, properties: { email: null } });
const associated = (toObjectId: string) => ({ toObjectId, associationTypes: [] });

describe('pages that repeat', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  type Hubspot = CrmWorld['hubspot'];
  const KINDS: [
    string,
    string,
    string,
    (id: string) => object,
    (hubspot: Hubspot) => AsyncIterable<unknown>,
  ][] = [
    ['contacts', 'GET', `${OBJECTS}/contacts`, record, ({ contacts }) => contacts.list()],
    ['notes', 'GET', `${OBJECTS}/notes`, record, ({ notes }) => notes.list({ archived: true })],
    ['a search', 'POST', `${OBJECTS}/companies/search`, record, ({ companies }) => companies.search()],
    ['owners', 'GET', '/crm/owners/*', (id) => ({ id }), ({ owners }) => owners.list()],
    [
      'associations',
      'GET',
      `${OBJECTS}/contacts/101/associations/companies`,
      associated,
      ({ associations }) => associations.list({ type: 'contacts', id: '101' }, 'companies'),
    ],
  ];

  it.each(KINDS)(
    'of %s end with an error that names call and cursor, without duplicates',
    async (_what, method, path, item, read) => {
      const cursors = ['101', '202', '101'];
      for (const [at, after] of cursors.entries()) {
        const body = { results: [item(String(at))], paging: { next: { after } } };
        await world.sandbox.control('failures', { method, path, status: 200, body });
      }
      let results = 0;
      const reading = async () => {
        for await (const _ of read(world.hubspot)) results += 1;
      };
      const escaped = path.replace('*', '\\S+');
      await expect(reading()).rejects.toThrow(
        new RegExp(`^HubSpot: ${method} ${escaped}: an answer that leads back to a page before: after=101$`),
      );
      expect(results).toBe(2);
    },
  );

  it('fail the list command', async () => {
    const body = { results: [record('101')], paging: { next: { after: '101' } } };
    await world.sandbox.control('failures', { path: `${OBJECTS}/contacts`, status: 200, body, times: 2 });
    const { problem, output } = await runInProcess(world.ctx, crmCommands, 'contacts', 'list');
    expect(problem?.message).toMatch(/leads back to a page before: after=101$/);
    expect(output).toBe('');
  });
});

describe('an operation with more calls than the rate limit allows within an interactive deadline', () => {
  const WINDOW = 12;
  const MADE = 14;
  let world: World;
  beforeAll(async () => {
    world = await startWorld({
      callDeadlinesMs: { interactive: 6_000, background: 120_000 },
      settings: { HUBSPOT_RATE_LIMIT: String(WINDOW) },
    });
    await world.install();
    await world.sandbox.setApp({ rateLimit: null });
  });
  afterAll(() => world.close());

  it('continues when the rate limit allows more', async () => {
    const { notes } = world.ctx.hubspotFor(62515);
    const [made] = await notes.batchCreate(
      Array.from({ length: MADE }, (_, at) => ({ properties: { hs_note_body: `note ${at}` } })),
    );
    expect(made?.failure).toBeUndefined();
    const { hubspotFor } = world.ctx;
    expect(await Array.fromAsync(hubspotFor(62515).notes.list({ limit: 1 }))).toHaveLength(MADE);
  });
});
