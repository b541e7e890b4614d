import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import { hasTerminals, hubspotInTerminal } from '../../cli/hubspot-command.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

const MONDAY = new Date('2026-11-23T09:00:00.000Z');
const minutes = (after: number) => new Date(MONDAY.getTime() + after * 60_000).toISOString();

let world: CrmWorld;
beforeAll(async () => {
  world = await startCrmWorld();
});
beforeEach(() => dateAll('note', '2026-10-01T00:00:00Z'));
afterAll(() => world.close());

/** Moves the last change of these records to a moment; without ids, of all. */
const dateAll = (objectType: string, at: string, objectIds?: readonly string[]) =>
  world.sandbox.control('changed', { portalId: 62515, objectType, at, ...(objectIds && { objectIds }) });

async function makeNotes(count: number, at: string): Promise<string[]> {
  const inputs = Array.from({ length: count }, (_, index) => ({
    properties: { hs_note_body: `n ${index}` },
  }));
  const made = await world.hubspot.notes.batchCreate(inputs);
  const ids = made.map(({ result }) => result?.id ?? '');
  await dateAll('note', at, ids);
  return ids;
}

const changedNotes = (since: Date, options?: Parameters<CrmWorld['hubspot']['notes']['changedSince']>[1]) =>
  Array.fromAsync(world.hubspot.notes.changedSince(since, options));

const idsOf = (records: readonly { id: string }[]) => records.map(({ id }) => id);

describe('reading changes', () => {
  it.each([
    ['contacts', 'lastmodifieddate', { email: 'changed@example.com' }],
    ['companies', 'hs_lastmodifieddate', { name: 'Changed' }],
    ['deals', 'hs_lastmodifieddate', { dealname: 'C', pipeline: 'default', dealstage: 'contractsent' }],
    ['tickets', 'hs_lastmodifieddate', { subject: 'C', hs_pipeline: '0', hs_pipeline_stage: '1' }],
    ['calls', 'hs_lastmodifieddate', { hs_call_title: 'C' }],
    ['emails', 'hs_lastmodifieddate', { hs_email_subject: 'C' }],
    ['meetings', 'hs_lastmodifieddate', { hs_meeting_title: 'C' }],
    ['notes', 'hs_lastmodifieddate', { hs_note_body: 'C' }],
    ['tasks', 'hs_lastmodifieddate', { hs_task_subject: 'C' }],
  ] as const)('returns %s by %s', async (area, modified, properties) => {
    const { id } = await world.hubspot[area].create(properties);
    await dateAll(area, '2026-10-01T00:00:00Z');
    await dateAll(area, minutes(0), [id]);
    const names = Object.keys(properties);
    const found = await Array.fromAsync(world.hubspot[area].changedSince(MONDAY, { properties: names }));
    expect(found).toMatchObject([{ id, properties: { ...properties, [modified]: minutes(0) } }]);
    expect(found[0]?.cursor).toBe(`${minutes(0)}/${id}`);
    expect(await Array.fromAsync(world.hubspot[area].changedSince(new Date(minutes(1))))).toEqual([]);
  });

  it('returns each record once, ordered by time and then by id, and continues after any of them', async () => {
    const early = await makeNotes(30, minutes(1));
    const massChange = await makeNotes(450, minutes(2));
    const late = [...(await makeNotes(1, minutes(3))), ...(await makeNotes(230, minutes(4)))];
    const expected = [...early, ...massChange, ...late];
    let total = 0;
    const changes = await changedNotes(MONDAY, { onTotal: (count) => (total = count) });
    expect(idsOf(changes)).toEqual(expected);
    expect(total).toBe(expected.length);
    for (const at of [0, 28, 29, 30, 229, 230, 479, 480, 481, 600, 710]) {
      const rest = await changedNotes(new Date(0), { cursor: changes[at]?.cursor });
      expect([at, idsOf(rest)]).toEqual([at, expected.slice(at + 1)]);
    }
  });

  it('misses nothing when records change while it reads, and returns these again', async () => {
    const ids = await makeNotes(450, minutes(0));
    await dateAll('note', minutes(5), ids.slice(200));
    const seen: string[] = [];
    for await (const { id } of world.hubspot.notes.changedSince(MONDAY)) {
      seen.push(id);
      if (seen.length === 10) await dateAll('note', minutes(9), ids.slice(0, 20));
    }
    expect(new Set(seen)).toEqual(new Set(ids));
    expect(seen.filter((id) => id === ids[0])).toHaveLength(2);
  });

  it('includes deletions in the order of time', async () => {
    const [first = '', gone = '', last = '', before = ''] = await makeNotes(4, minutes(0));
    for (const id of [gone, before]) await world.hubspot.notes.archive(id);
    await dateAll('note', minutes(1), [first]);
    await dateAll('note', minutes(2), [gone]);
    await dateAll('note', minutes(3), [last]);
    await dateAll('note', minutes(-1), [before]);
    const changes = await changedNotes(MONDAY, { properties: ['hs_note_body'] });
    expect(changes.map(({ id, archived, properties }) => [id, archived, properties.hs_note_body])).toEqual([
      [first, false, 'n 0'],
      [gone, true, 'n 1'],
      [last, false, 'n 2'],
    ]);
    expect(idsOf(await changedNotes(MONDAY, { cursor: changes[0]?.cursor }))).toEqual([gone, last]);
    expect(idsOf(await changedNotes(MONDAY, { cursor: changes[1]?.cursor }))).toEqual([last]);
    let alive: string[] = [];
    const requests = await world.requestsOf(async () => {
      alive = idsOf(await changedNotes(MONDAY, { deletions: false }));
    });
    expect(alive).toEqual([first, last]);
    expect(requests.map(({ method }) => method)).toEqual(['POST']);
  });

  it('returns a restored record as changed', async () => {
    const [id = ''] = await makeNotes(1, minutes(-60));
    await world.hubspot.notes.archive(id);
    await world.sandbox.control('restore', { portalId: 62515, objectType: 'note', objectId: id });
    const [back] = await changedNotes(MONDAY);
    expect(back).toMatchObject({ id, archived: false });
  });

  it('repeats the changes of the last half minute, because the search may find others late', async () => {
    const started = Date.now();
    const { id } = await world.hubspot.notes.create({ hs_note_body: 'Just now' });
    const [found] = await changedNotes(new Date(started - 3_600_000));
    expect(found?.id).toBe(id);
    const at = Date.parse(found?.cursor ?? '');
    expect(at).toBeGreaterThanOrEqual(started - 30_000);
    expect(at).toBeLessThan(started);
    expect(idsOf(await changedNotes(MONDAY, { cursor: found?.cursor }))).toEqual([id]);
  });

  it.each(['', '2026-11-23', 'abc', `${minutes(0)}/`, `${minutes(0)}/x`, '2026-13-45T00:00:00Z/1'])(
    'rejects "%s" as a cursor before it reads anything',
    async (cursor) => {
      const requests = await world.requestsOf(() =>
        expect(changedNotes(MONDAY, { cursor })).rejects.toMatchObject({
          code: 'invalid_cursor',
          status: 400,
        }),
      );
      expect(requests).toEqual([]);
    },
  );

  it('rejects an invalid date', async () => {
    await expect(changedNotes(new Date('never'))).rejects.toMatchObject({ code: 'invalid_date' });
  });

  describe('when HubSpot’s search returns invalid results', () => {
    const search = { method: 'POST', path: '/crm/objects/2026-09/notes/search', status: 200 };
    const record = (id: string, at: string) => ({ id, properties: { hs_lastmodifieddate: at } });

    it('stops when the results do not advance', async () => {
      const body = { results: [record('1', minutes(-5))], paging: { next: { after: '200' } } };
      await world.sandbox.control('failures', { ...search, body });
      await expect(changedNotes(MONDAY, { deletions: false })).rejects.toThrow(
        'a search that does not advance',
      );
      await world.sandbox.control('failures', { ...search, body });
      const cursor = `${minutes(-5)}/1`;
      await expect(changedNotes(MONDAY, { cursor })).rejects.toThrow('a search that does not advance');
    });

    it('names the property that is missing', async () => {
      await world.sandbox.control('failures', {
        ...search,
        body: { results: [{ id: '1', properties: {} }] },
      });
      await expect(changedNotes(MONDAY)).rejects.toThrow('an answer without usable hs_lastmodifieddate');
    });
  });
});

describe('npm run hubspot -- <type> changed', () => {
  let folder: string;
  let ids: string[];
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'changes-'));
    ids = await makeNotes(3, minutes(0));
    await world.hubspot.notes.archive(ids[1] ?? '');
    await dateAll('note', minutes(1), [ids[1] ?? '']);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const since = ['--since', MONDAY.toISOString()];
  const run = (...args: string[]) => runInProcess(world.ctx, crmCommands, 'notes', 'changed', ...args);
  const inOrder = () => [ids[0], ids[2], ids[1]];

  it('shows changes and deletions, and how to continue', async () => {
    const { output, notes, problem } = await run(...since, '--properties', 'hs_note_body');
    expect(problem).toBeUndefined();
    expect(output.split('\n').map((line) => line.trim().split(/\s{2,}/))).toEqual([
      ['id', 'change', 'hs_note_body'],
      [ids[0], 'changed', 'n 0'],
      [ids[2], 'changed', 'n 2'],
      [ids[1], 'deleted', 'n 1'],
    ]);
    expect(notes).toBe(`Go on with --cursor ${minutes(1)}/${ids[1]}`);
  });

  it('continues after a cursor, and keeps it when there is nothing new', async () => {
    const first = JSON.parse((await run(...since, '--limit', '1', '--json')).output);
    expect(idsOf(first.records)).toEqual([ids[0]]);
    const rest = JSON.parse((await run('--cursor', first.cursor, '--json')).output);
    expect(idsOf(rest.records)).toEqual([ids[2], ids[1]]);
    const none = await run('--cursor', rest.cursor);
    expect(none.output).toBe('No notes were changed or deleted.');
    expect(none.notes).toBe(`Go on with --cursor ${rest.cursor}`);
  });

  it('appends lines of JSON to a file', async () => {
    const file = path.join(folder, 'notes.jsonl');
    const { output } = await run(...since, '--no-deletions', '--out', file);
    expect(output).toBe(`2 notes are written to ${file}.`);
    const lines = async () =>
      (await readFile(file, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const { cursor } = (await lines()).at(-1);
    await run('--cursor', cursor, '--out', file);
    expect(idsOf(await lines())).toEqual(inOrder());
    expect((await run(...since, '--limit', '1', '--out', file)).output).toBe(`1 note is written to ${file}.`);
  });

  it('fails before reading without a time or with a file that cannot be written', async () => {
    expect((await run()).problem?.message).toBe('Give --since or --cursor.');
    expect((await run('--since', 'monday')).problem?.message).toContain('It must be a time since 1970');
    expect((await run('--cursor', 'monday')).problem?.message).toContain('This is not the cursor');
    const problem = (await run(...since, '--out', path.join(folder, 'none', 'x'))).problem?.message;
    expect(problem).toContain('cannot be written: ENOENT. Nothing was read.');
  });

  it('prints how to continue when HubSpot fails while it reads', async () => {
    await makeNotes(250, minutes(2));
    const search = { method: 'POST', path: '/crm/objects/2026-09/notes/search' };
    await world.sandbox.control('failures', {
      ...search,
      status: 200,
      delayMs: 0,
      body: {
        results: [
          { id: ids[0], properties: { hs_lastmodifieddate: minutes(0) } },
          { id: '9', properties: { hs_lastmodifieddate: minutes(2) } },
        ],
        paging: { next: { after: '2' } },
      },
    });
    await world.sandbox.control('failures', { ...search, status: 403, body: { message: 'No.' } });
    const { problem, notes } = await run(...since, '--no-deletions');
    expect(problem?.message).toContain('403');
    expect(notes).toBe(`After 1 notes. Go on with --cursor ${minutes(0)}/${ids[0]}`);
  });

  it('prints its requests in a dry run', async () => {
    const { output } = await run(...since, '--no-deletions', '--dry-run');
    expect(output).toContain('POST /crm/objects/2026-09/notes/search');
    expect(output).toContain(String(MONDAY.getTime()));
  });

  (hasTerminals ? it : it.skip)('shows a bar in a terminal', async () => {
    const { output } = await hubspotInTerminal(world.settings, 'notes', 'changed', ...since);
    expect(output).toMatch(/ 3\/3 notes /);
    expect(output).toContain('deleted');
  });
});
