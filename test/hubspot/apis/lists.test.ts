import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import { apiScopes } from '../../../app/hubspot/scopes.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

let world: CrmWorld;
let lists: CrmWorld['hubspot']['lists'];
beforeAll(async () => {
  world = await startCrmWorld();
  lists = world.hubspot.lists;
});
beforeEach(async () => {
  await lists.remove('11', ['103', '104', '105']);
  await lists.add('11', ['101', '102']);
});
afterAll(() => world.close());

const names = async (filter?: Parameters<typeof lists.list>[0]) =>
  (await Array.fromAsync(lists.list(filter))).map(({ name }) => name);
const members = async (listId: string) =>
  (await Array.fromAsync(lists.members(listId))).map(({ recordId }) => recordId);

describe('lists', () => {
  it('are found by words in the name, by type, kind and id', async () => {
    expect(await names()).toEqual(['Newsletter', 'Trade fair 2026', 'Customers', 'Target accounts']);
    expect(await names({ query: 'fair trade' })).toEqual(['Trade fair 2026']);
    expect(await names({ type: 'companies' })).toEqual(['Target accounts']);
    expect(await names({ type: '0-1', processingTypes: ['MANUAL', 'DYNAMIC'] })).toEqual([
      'Newsletter',
      'Customers',
    ]);
    expect(await names({ listIds: ['14', '12'] })).toEqual(['Trade fair 2026', 'Target accounts']);
    expect(await names({ query: 'nothing' })).toEqual([]);
  });

  it('are read page by page, also when HubSpot does not return hasMore', async () => {
    const list = { name: 'A', objectTypeId: '0-1', processingType: 'MANUAL' };
    const search = { method: 'POST', path: '/crm/lists/2026-09/search', status: 200 };
    for (const body of [
      { lists: [{ ...list, listId: '1' }], hasMore: true, offset: 1 },
      { lists: [], hasMore: true, offset: 1 },
    ]) {
      await world.sandbox.control('failures', { ...search, body });
    }
    const requests = await world.requestsOf(async () => expect(await names()).toEqual(['A']));
    expect(requests.map(({ body }) => [body.offset, body.count])).toEqual([
      [0, 500],
      [1, 500],
    ]);
  });

  it('end with an error when a page is repeated', async () => {
    const list = { listId: '1', name: 'A', objectTypeId: '0-1', processingType: 'MANUAL' };
    const body = { lists: [list], hasMore: true, offset: 0 };
    const search = { method: 'POST', path: '/crm/lists/2026-09/search', status: 200, times: 2 };
    await world.sandbox.control('failures', { ...search, body });
    await expect(names()).rejects.toThrow(
      'HubSpot: POST /crm/lists/2026-09/search: an answer that leads back to a page before: offset=1',
    );
  });

  it('are read by id and by name, with their size and optionally their filters', async () => {
    const newsletter = {
      listId: '11',
      name: 'Newsletter',
      objectTypeId: '0-1',
      processingType: 'MANUAL',
      size: 2,
    };
    expect(await lists.get('11')).toMatchObject(newsletter);
    expect(await lists.getByName('contacts', 'Newsletter')).toMatchObject(newsletter);
    expect((await Array.fromAsync(lists.list({ listIds: ['11'] })))[0]).toMatchObject(newsletter);
    expect((await lists.getByName('companies', 'Target accounts')).listId).toBe('14');
    expect((await lists.get('13')).filterBranch).toBeUndefined();
    expect((await lists.get('13', { filters: true })).filterBranch).toMatchObject({ filterBranchType: 'OR' });
    for (const call of [
      () => lists.get('999'),
      () => lists.getByName('contacts', 'Target accounts'),
      () => members('21'),
    ]) {
      await expect(call()).rejects.toMatchObject({ status: 404, category: 'OBJECT_NOT_FOUND' });
    }
  });
});

describe('members of a list', () => {
  it('are added and removed, reporting existing and missing ones', async () => {
    expect(await lists.add('11', ['101', '103', '999999'])).toEqual({
      added: ['103'],
      removed: [],
      missing: ['999999'],
    });
    expect(await members('11')).toEqual(['101', '102', '103']);
    expect(await lists.remove('11', ['103', '104', '999999'])).toEqual({
      added: [],
      removed: ['103'],
      missing: ['999999'],
    });
    expect(await members('11')).toEqual(['101', '102']);
    expect(await lists.add('14', ['302', '101'])).toMatchObject({ added: ['302'], missing: ['101'] });
    await lists.remove('14', ['302']);
  });

  it('are changed and read in several requests when there are many', async () => {
    const made = await world.hubspot.contacts.batchCreate(
      Array.from({ length: 260 }, () => ({ properties: { lastname: 'Many' } })),
    );
    const ids = made.map(({ result }) => result?.id ?? '');
    const steps: number[] = [];
    const unknown = Array.from({ length: 900 }, (_, index) => String(5_000_000 + index));
    const requests = await world.requestsOf(async () => {
      const done = await lists.add('11', [...ids, ...unknown], (count) => steps.push(count));
      expect([done.added.length, done.missing.length]).toEqual([260, 900]);
      expect(await members('11')).toEqual(['101', '102', ...ids]);
    });
    expect(steps).toEqual([1000, 1160]);
    expect(requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET', 'GET']);
    await lists.remove('11', ids);
  });

  it('are read in both of HubSpot’s spellings', async () => {
    for (const body of [{ recordsIdsAdded: ['1'] }, { recordIdsAdded: [1], recordIdsMissing: null }]) {
      const answer = { method: 'PUT', path: '/crm/lists/2026-09/11/memberships/add', status: 200, body };
      await world.sandbox.control('failures', answer);
      expect(await lists.add('11', ['1'])).toEqual({ added: ['1'], removed: [], missing: [] });
    }
  });

  it('of a list with filters are those that match, and cannot be changed', async () => {
    expect(await members('13')).toEqual(['103']);
    await world.hubspot.contacts.update('105', { lifecyclestage: 'customer' });
    expect(await members('13')).toEqual(['103', '105']);
    for (const call of [() => lists.add('13', ['101']), () => lists.remove('13', ['103'])]) {
      await expect(call()).rejects.toMatchObject({ status: 400, said: expect.stringContaining('DYNAMIC') });
    }
  });

  it('are removed and restored with their record, and follow a merge', async () => {
    const { contacts } = world.hubspot;
    const [gone, other] = await Promise.all([
      contacts.create({ lastname: 'Gone' }),
      contacts.create({ lastname: 'Other' }),
    ]);
    await lists.add('12', [gone.id, other.id]);
    await contacts.archive(gone.id);
    expect(await members('12')).toEqual(['103', other.id]);
    expect((await lists.add('12', [gone.id])).missing).toEqual([gone.id]);
    await world.sandbox.control('restore', { portalId: 62515, objectType: 'contact', objectId: gone.id });
    expect(await members('12')).toEqual(['103', gone.id, other.id].toSorted());
    await contacts.merge('104', other.id);
    expect(await members('12')).toEqual(['103', '104', gone.id]);
  });

  it('have their lists', async () => {
    await lists.add('11', ['103']);
    const found = await lists.membershipsOf({ type: 'contacts', id: '103' });
    expect(found.map(({ listId }) => listId)).toEqual(['11', '12', '13']);
    expect(Date.parse(found[0]?.firstAddedTimestamp ?? '')).not.toBeNaN();
    expect(await lists.membershipsOf({ type: '0-2', id: '301' })).toMatchObject([{ listId: '14' }]);
    expect(await lists.membershipsOf({ type: 'companies', id: '302' })).toEqual([]);
    await expect(lists.membershipsOf({ type: 'no_such', id: '1' })).rejects.toMatchObject({ status: 400 });
  });
});

describe('the lists of docs/apis.md', () => {
  const docs = readFileSync(path.join(import.meta.dirname, '../../../docs/apis.md'), 'utf8');
  const table = [...docs.matchAll(/^\| `(lists\.\w+)` +\| `(\w+) (\S+)` +\| `(.+?)` +\| (.+?) +\|$/gm)];

  it('are all methods', () => {
    expect(table.map(([, method]) => method).toSorted()).toEqual(
      Object.keys(lists)
        .map((name) => `lists.${name}`)
        .toSorted(),
    );
  });

  it.each(table.map(([, method, ...rest]) => [method, ...rest]))(
    '%s calls %s %s',
    async (_method, verb, endpoint = '', command = '', scopes = '') => {
      const requests = await world.requestsOf(async () => {
        const { problem } = await runInProcess(world.ctx, crmCommands, ...command.split(' '));
        expect(problem).toBeUndefined();
      });
      const pattern = new RegExp(`^/crm/lists/2026-09${endpoint.replace(/\{\w+\}/g, '[^/]+')}$`);
      expect(requests[0]).toMatchObject({ method: verb, path: expect.stringMatching(pattern), status: 200 });
      const access = verb === 'PUT' ? 'write' : 'read';
      expect(scopes.replaceAll('`', '').split(' ')).toEqual(apiScopes.lists[access]);
    },
  );
});

describe('npm run hubspot -- lists', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lists-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (...args: string[]) => runInProcess(world.ctx, crmCommands, 'lists', ...args);
  const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).output);
  const rows = (output: string) => output.split('\n').map((line) => line.trim().split(/\s{2,}/));

  it('shows lists', async () => {
    expect(rows((await run('list', '--type', 'companies')).output)).toEqual([
      ['id', 'name', 'type', 'processing', 'size'],
      ['14', 'Target accounts', 'companies', 'MANUAL', '1'],
    ]);
    expect((await run('list', '--query', 'nothing')).output).toBe('There are no such lists.');
    expect((await run('get', '11')).output).toContain('Newsletter');
    expect((await run('get', '13', '--filters')).output).toContain('"lifecyclestage"');
    expect(await json('get-by-name', 'contacts', 'Trade fair 2026')).toMatchObject({ listId: '12' });
    expect((await run('get', '999')).problem?.message).toContain('404');
  });

  it('shows members, and the lists of a record by name', async () => {
    const { output, notes } = await run('members', '11', '--limit', '1');
    expect([rows(output)[1]?.[0], notes]).toEqual(['101', 'There are more; increase --limit.']);
    expect((await run('members', '11')).notes).toBe('');
    expect(rows((await run('of', 'companies:301')).output)[1]?.slice(0, 2)).toEqual([
      '14',
      'Target accounts',
    ]);
    expect((await run('of', 'companies:302')).output).toBe('companies:302 is not in any list.');
  });

  it('adds and removes members, named or from a file', async () => {
    expect((await run('add', '11', '103', '101', '103')).output).toBe(
      'Added to the list 11: 1 of 2 records. 1 was in it already.',
    );
    expect((await run('add', '11', '103', '101')).output).toBe(
      'Added to the list 11: 0 of 2 records. 2 were in it already.',
    );
    const file = path.join(folder, 'members.csv');
    await writeFile(file, 'id\n104\n999999\n');
    const added = await run('add', '11', '--file', file);
    expect(added.output).toBe('Added to the list 11: 1 of 2 records.');
    expect(added.problem?.message).toBe('These records of the list’s type do not exist: 999999.');
    const other = path.join(folder, 'other.csv');
    await writeFile(other, 'id;name, city\n105;Priya\n');
    expect((await run('add', '11', '--file', other)).problem?.message).toContain('Set --separator.');
    const separated = await run('add', '11', '--file', other, '--separator', 'semicolon');
    expect(separated.problem?.message).toContain('"name, city" is not a column name.');
    expect(await json('remove', '11', '103', '105', '--yes')).toEqual({
      removed: ['103'],
      unchanged: ['105'],
      missing: [],
    });
    expect(await members('11')).toEqual(['101', '102', '104']);
  });

  it('confirms before it removes, and sends nothing for an invalid id', async () => {
    const file = path.join(folder, 'wrong.csv');
    await writeFile(file, 'id,name\n101,Jane\n,Nobody\n');
    for (const [args, problem] of [
      [
        ['remove', '11', '101'],
        'This removes 1 record from the list 11. Nothing was done: add --yes to confirm.',
      ],
      [['add', '11', 'jane@example.com'], 'jane@example.com is not a record id. Nothing was sent.'],
      [['add', '11', '--file', file], `${file}:3 (no id) is not a record id. Nothing was sent.`],
      [['add', '11', '101', '--file', file], 'Give ids or --file, not both. Nothing was sent.'],
      [['add', '11'], 'Give ids or --file.'],
    ] as const) {
      const requests = await world.requestsOf(async () => {
        expect((await run(...args)).problem?.message).toBe(problem);
      });
      expect(requests).toEqual([]);
    }
    expect((await run('add', '11', '103', '--dry-run')).output).toContain(
      'PUT /crm/lists/2026-09/11/memberships/add',
    );
    expect(await members('11')).toEqual(['101', '102']);
  });
});
