import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../app/cli/crm.ts';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';
import { hasTerminals, hubspotCommand, hubspotInTerminal } from './hubspot-command.ts';
import { runInProcess } from './in-process.ts';

const UTF8 = 'Save it as "CSV UTF-8"';

describe('npm run hubspot -- <contacts, companies, …>', () => {
  let world: CrmWorld;
  let folder: string;
  beforeAll(async () => {
    world = await startCrmWorld();
    folder = await mkdtemp(path.join(tmpdir(), 'crm-'));
  });
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]) => runInProcess(world.ctx, crmCommands, ...args);
  async function json(...args: string[]) {
    const { output, problem } = await run(...args, '--json');
    if (problem) throw problem;
    return JSON.parse(output);
  }
  const problem = async (...args: string[]) => (await run(...args)).problem?.message;
  async function file(name: string, content: string | Uint8Array): Promise<string> {
    const at = path.join(folder, name);
    await writeFile(at, content);
    return at;
  }

  describe('one record', () => {
    it('is shown as an aligned table, or as HubSpot gives it', async () => {
      const table = await run('contacts', 'get', '102', '--properties', 'firstname,company');
      expect(table.output.split('\n').map((line) => line.trim())).toEqual([
        'property          value',
        'id                102',
        'company           株式会社サンプル',
        expect.stringContaining('createdate'),
        'firstname         太郎',
        expect.stringContaining('lastmodifieddate'),
      ]);
      expect(await json('contacts', 'get', '102')).toMatchObject({ id: '102', archived: false });
    });

    it('stands in columns of what a terminal shows, with wide characters and emoji', async () => {
      for (const [name, city] of [
        ['One', '𠮷野😀'],
        ['Two', 'abcdef'],
      ] as const) {
        await run(
          'companies',
          'create',
          '--property',
          `name=${name}`,
          '--property',
          `city=${city}`,
          '--property',
          'zip=w',
        );
      }
      const { output } = await run('companies', 'search', '--where', 'zip=w', '--properties', 'city,name');
      expect(output.split('\n').slice(1)).toEqual([
        expect.stringMatching(/^\d+ {2}𠮷野😀 {2}One$/u),
        expect.stringMatching(/^\d+ {2}abcdef {2}Two$/),
      ]);
    });

    it('is written with values as they stand, never evaluated', async () => {
      const value = '=1+1; $(rm -rf /) `x` "q" a=b';
      const { id } = await json('notes', 'create', '--property', `hs_note_body=${value}`);
      const note = await json('notes', 'get', id);
      expect(note.properties.hs_note_body).toBe(value);
    });

    it('is cleared of a property by an empty value', async () => {
      await run('contacts', 'update', '103', '--property', 'jobtitle=');
      const { properties } = await json('contacts', 'get', '103', '--properties', 'jobtitle');
      expect(properties.jobtitle).toBeNull();
    });

    it('can belong to another from the start', async () => {
      const { id } = await json(
        'tasks',
        'create',
        '--property',
        'hs_task_subject=x',
        '--associate',
        'deals:401',
      );
      const listed = await json('associations', 'list', 'deals:401', 'tasks');
      expect(listed.map(({ toObjectId }: { toObjectId: string }) => toObjectId)).toEqual([id]);
    });

    it('belongs to every record that --associate names, in one request', async () => {
      const named = ['contacts:101', 'contacts:102', 'companies:301', 'deals:401', 'contacts:101'];
      const options = named.flatMap((record) => ['--associate', record]);
      const sent = await world.requestsOf(async () => {
        await json('tasks', 'create', '--property', 'hs_task_subject=Call', ...options);
      });
      const writes = sent.filter(({ method }) => method === 'POST');
      expect(writes.map(({ body }) => body.associations.map(({ to }: { to: object }) => to))).toEqual([
        [{ id: '101' }, { id: '102' }, { id: '301' }, { id: '401' }],
      ]);
      for (const record of new Set(named)) {
        expect((await json('associations', 'list', record, 'tasks')).length).toBeGreaterThan(0);
      }
    });

    it.each([
      [['--property', 'email=a@example.com', '--property', 'email=b@example.com'], 'email is given twice'],
      [['--property', 'email=', '--property', 'email='], 'email is given twice'],
      [['--property', 'email=a@example.com', '--portal', '62515', '--portal', '62516'], '--portal'],
      [['--file', 'one.csv', '--file', 'two.csv'], '--file'],
    ])('is not written when an option for one value is repeated: %j', async (options, named) => {
      for (const verb of ['create', 'create-or-update', 'update']) {
        const sent = await world.requestsOf(async () => {
          expect(await problem('contacts', verb, ...options)).toContain(named);
        });
        expect(sent).toEqual([]);
      }
    });

    it('is not written when two options name one property', async () => {
      const twice = ['--stage', 'Closed Won', '--property', 'dealstage=contractsent'];
      const told = await problem('deals', 'update', '402', ...twice);
      expect(told).toBe('The property dealstage is given twice: by --property and by another option.');
    });

    it('is not made when what it shall belong to is not there', async () => {
      const orphan = ['notes', 'create', '--property', 'hs_note_body=orphan', '--associate'];
      expect(await problem(...orphan, 'contacts:999999')).toContain('No contact has the id 999999');
      expect(await problem(...orphan, 'emails:1')).toContain(
        'no association without a label from notes to emails',
      );
      const notes = await json('notes', 'list', '--limit', '1000');
      const bodies = notes.map(
        ({ properties }: { properties: Record<string, string> }) => properties.hs_note_body,
      );
      expect(bodies).not.toContain('orphan');
    });

    it('is moved to a stage by its name', async () => {
      await run('deals', 'update', '402', '--stage', 'Closed Won');
      expect((await json('deals', 'get', '402')).properties.dealstage).toBe('closedwon');
      expect(await problem('deals', 'update', '402', '--stage', 'Nowhere')).toContain('There are: ');
      expect(await problem('deals', 'update', '402', '--pipeline', 'default')).toContain('--stage');
    });

    it('of a company is made or updated by its domain', async () => {
      const write = (...args: string[]) => json('companies', 'create-or-update-by-domain', ...args);
      const made = await write('https://www.Shop.Example', '--property', 'name=Shop');
      const again = await write('shop.example', '--property', 'city=Nara');
      expect([again.id, again.properties.domain]).toEqual([made.id, 'shop.example']);
      expect(await problem('companies', 'create-or-update-by-domain', 'jane@example.com')).toContain(
        'is no domain',
      );
    });

    it('is erased only with --yes', async () => {
      expect(await problem('contacts', 'gdpr-delete', '105')).toBe(
        'This erases the contact 105 for good. Nothing was done: add --yes to do it.',
      );
      await run('contacts', 'gdpr-delete', '105', '--yes');
      expect(await problem('contacts', 'get', '105')).toContain('404');
    });

    it('is not written from nothing', async () => {
      expect(await problem('companies', 'create')).toContain('Nothing to write');
      expect(await problem('companies', 'update', '--property', 'city=x')).toContain('Which company?');
      expect(await problem('companies', 'create-or-update', '--property', 'a=b')).toContain('--id-property');
      expect(await problem('contacts', 'create', '--property', 'nothing')).toContain('name=value');
    });
  });

  describe('search and list', () => {
    it('find by conditions', async () => {
      const found = await json('deals', 'search', '--where', 'amount>=10000', '--where', 'closedate');
      expect(found.map(({ id }: { id: string }) => id)).toEqual(['401']);
      const words = await run('companies', 'search', '--query', 'サンプル');
      expect(words.output).toContain('株式会社サンプル');
      const none = await run('companies', 'search', '--where', 'city=Nowhere');
      expect(none.output).toBe('There are no such companies.');
      const sorted = await json('deals', 'search', '--sort', '-amount', '--limit', '1');
      expect(sorted[0].id).toBe('401');
    });

    it('read no more records than are asked for, and one to know whether there are more', async () => {
      const sizes = async (...args: string[]) =>
        (await world.requestsOf(() => run('contacts', ...args))).map(({ query, body }) =>
          Number(query.limit ?? body.limit),
        );
      expect(await sizes('search', '--limit', '1')).toEqual([2]);
      expect(await sizes('list', '--limit', '2')).toEqual([3]);
    });

    it('take lists of names in one option or in several', async () => {
      const names = ['--properties', 'firstname,email', '--properties', 'jobtitle'];
      const { output } = await run('contacts', 'get', '101', ...names, '--associations', 'companies');
      for (const name of ['firstname', 'email', 'jobtitle']) expect(output).toContain(name);
    });

    it('refuse a repeated option for one value', async () => {
      for (const option of [
        ['--limit', '1'],
        ['--query', 'a'],
        ['--sort', 'email'],
      ]) {
        expect(await problem('contacts', 'search', ...option, ...option)).toContain('can be given once');
      }
    });

    it('say when there is more', async () => {
      const more = 'There are more; --limit shows them.';
      const listed = await run('contacts', 'list', '--limit', '2');
      expect([listed.output.trim().split('\n'), listed.notes]).toEqual([
        [expect.stringMatching(/^id +/), expect.stringMatching(/^101 /), expect.stringMatching(/^102 /)],
        more,
      ]);
      const forMachines = await run('contacts', 'list', '--limit', '2', '--json');
      expect([JSON.parse(forMachines.output).length, forMachines.notes]).toEqual([2, more]);
      expect((await run('contacts', 'list', '--limit', '99', '--json')).notes).toBe('');
    });
  });

  describe('a file', () => {
    it('is imported row by row, and what failed is told with its line', async () => {
      const csv = await file(
        'contacts.csv',
        '\uFEFFemail,lastname,company\r\na@file.example,"山田, ""Taro""","two\r\nlines"\r\nnot-an-address,X,\r\njane@example.com,Doe-Roe,\r\n',
      );
      const { output, problem } = await run('contacts', 'create-or-update', '--file', csv);
      expect(problem?.message).toBe('1 of 3 rows failed.');
      const lines = output.split('\n');
      expect(lines[0]).toBe('Created or updated contacts: 2 of 3 rows.');
      expect(lines[2]).toMatch(/^4 +.*not-an-address is invalid/);
      const made = await json('contacts', 'get-by-email', 'a@file.example');
      expect(made.properties).toMatchObject({ lastname: '山田, "Taro"', company: 'two\r\nlines' });
      const jane = await json('contacts', 'get', '101');
      expect(jane.properties).toMatchObject({ lastname: 'Doe-Roe', company: 'Example Inc.' });
    });

    it('of companies goes by domain when asked to', async () => {
      const csv = await file(
        'domains.csv',
        'domain,city\nhttps://www.By-Domain.example/,Nara\nExample.com,Boston\n',
      );
      const load = ['companies', 'create-or-update', '--id-property', 'domain', '--file', csv];
      const first = await json(...load);
      expect([first.done.length, first.done[1].id, first.failed]).toEqual([2, '301', []]);
      expect((await json(...load)).done).toEqual(first.done);
    });

    it('may be about one record twice', async () => {
      const csv = await file('twice.csv', 'email,lastname\ntwice@example.com,One\nTwice@example.com,Two\n');
      expect((await json('contacts', 'create-or-update', '--file', csv)).failed).toEqual([]);
      const { properties } = await json('contacts', 'get-by-email', 'twice@example.com');
      expect(properties.lastname).toBe('Two');
    });

    it('creates, updates and deletes records, from JSON lines too', async () => {
      const made = await json(
        'companies',
        'create',
        '--file',
        await file('new.jsonl', '{"name":"One","numberofemployees":5}\n\n{"name":"Two"}\n'),
      );
      expect(made).toMatchObject({ done: [{ line: 1 }, { line: 3 }], failed: [] });
      const ids = made.done.map(({ id }: { id: string }) => id);
      const change = await file('change.csv', `id,city\n${ids[0]},Osaka\n${ids[1]},Nara\n`);
      await json('companies', 'update', '--file', change, '--property', 'country=Japan');
      const { properties } = await json('companies', 'get', ids[1], '--properties', 'city,country');
      expect(properties).toMatchObject({ city: 'Nara', country: 'Japan' });
      await json('companies', 'delete', '--file', await file('gone.csv', `id\n${ids.join('\n')}\n`), '--yes');
      expect(await problem('companies', 'get', ids[0])).toContain('404');
    });

    it.each(['update', 'delete'])('%s refuses an id beside a file', async (command) => {
      const at = await file('beside.csv', 'id,city\n301,Osaka\n');
      const requests = await world.requestsOf(async () => {
        expect(await problem('companies', command, '302', '--file', at)).toBe(
          'Give the id of one company, or --file, not both. Nothing was sent.',
        );
      });
      expect(requests).toEqual([]);
    });

    it('tells one row of a file as one record', async () => {
      expect(await problem('companies', 'delete', '--file', await file('one.csv', 'id\n302\n'))).toContain(
        'This deletes 1 company;',
      );
    });

    it('associates pairs', async () => {
      const pairs = await file('pairs.csv', 'from,to\n103,301\n999999,301\n');
      const { output, problem } = await run(
        'associations',
        'import',
        'contacts',
        'companies',
        '--file',
        pairs,
      );
      expect(problem?.message).toBe('1 of 2 rows failed.');
      expect(output).toMatch(/\n3 +No contact has the id 999999/);
    });

    it.each([
      ['no.csv', '', 'has no rows'],
      ['ragged.csv', 'a,b\n1\n', ':2: 1 cells under 2 columns'],
      ['quote.csv', 'a,b\n"1,2\n', ':2: a quote is not closed'],
      ['twice.csv', 'a,a\n1,2\n', 'every column needs a unique name'],
      ['broken.jsonl', '{"a":1}\n{"a"\n', ':2: a line must hold one JSON object'],
      ['deep.jsonl', '{"a":{}}\n', ':1: "a" must be text'],
      ['shift-jis.csv', Buffer.from('email,lastname\na@example.com,\x8e\x52\x93\x63\n', 'latin1'), UTF8],
      ['utf-16.csv', Buffer.from('\uFEFFemail\na@example.com\n', 'utf16le'), UTF8],
      ['utf-16-plain.csv', Buffer.from('email\na@example.com\n', 'utf16le'), UTF8],
    ])('%s is refused before anything is sent', async (name, content, told) => {
      const at = await file(name, content);
      const requests = await world.requestsOf(async () => {
        expect(await problem('contacts', 'create', '--file', at)).toContain(told);
      });
      expect(requests).toEqual([]);
    });
  });

  describe('what HubSpot did not confirm', () => {
    const unconfirm = (status: number, more: object = {}) =>
      world.sandbox.control('failures', {
        method: 'POST',
        path: '/crm/*',
        status,
        afterwards: true,
        ...more,
      });

    it.each([
      ['502', 502, {}],
      ['no answer', 0, {}],
      ['an unusable answer', 200, { body: {} }],
    ])('is a record that may have been created, after %s', async (_what, status, more) => {
      for (const [area, property, sort] of [
        ['companies', 'name=Unsure', '-createdate'],
        ['notes', 'hs_note_body=Unsure', '-hs_createdate'],
      ] as const) {
        await unconfirm(status, more);
        const told = await problem(area, 'create', '--property', property, '--portal', '62515');
        expect(told).toMatch(/\nUnconfirmed: the (company|note) may have been created\. /);
        expect(told).toMatch(
          new RegExp(`\n {2}npm run hubspot -- ${area} search --sort ${sort} --limit 5 --portal 62515$`),
        );
        const [, check = ''] = told?.split(' -- ') ?? [];
        const [newest] = await json(...check.split(' '), '--properties', property.replace(/=.*/, ''));
        expect(Object.values(newest.properties)).toContain('Unsure');
      }
    });

    it('is counted apart from what failed, and from what was not sent', async () => {
      const rows = Array.from({ length: 101 }, (_, at) => `Batch ${at}`);
      const names = await file('unconfirmed.csv', ['name', ...rows, ''].join('\n'));
      await unconfirm(502);
      await world.sandbox.control('failures', { method: 'POST', path: '/crm/*', status: 403, body: {} });
      const { output, problem } = await run('companies', 'create', '--file', names);
      expect(output).toMatch(/^Created companies: 0 of 101 rows\.\n/);
      expect(output).toMatch(/\n2 +unconfirmed: HubSpot: POST .* 502/);
      expect(output).toMatch(/\n102 +HubSpot: POST .* 403/);
      expect(problem?.message).toBe(
        [
          '1 of 101 rows failed.',
          '100 of 101 rows are unconfirmed: they may have been carried out. Before you create again, wait some seconds (HubSpot’s search is late) and look at the newest companies:',
          '  npm run hubspot -- companies search --sort -createdate --limit 100',
        ].join('\n'),
      );
    });

    it('is in a list of its own for machines; rows that were not sent have failed', async () => {
      const three = Array.from({ length: 301 }, (_, at) => `{"name":"Machine ${at}"}`).join('\n');
      await unconfirm(0);
      const { output } = await run(
        'companies',
        'create',
        '--file',
        await file('three.jsonl', three),
        '--json',
      );
      const { done, failed, unconfirmed } = JSON.parse(output);
      expect([done.length, failed.length, unconfirmed.length]).toEqual([0, 201, 100]);
      expect(failed[0].reason).toMatch(/^not sent, after: /);
    });

    it('is a failure like any other when doing it again does no harm', async () => {
      await unconfirm(501, { method: 'PATCH' });
      const told = await problem('companies', 'update', '301', '--property', 'city=Boston');
      expect(told).toContain('501');
      expect(told).not.toContain('nconfirmed');
    });
  });

  describe('pipelines', () => {
    it('are made, changed and deleted with their stages', async () => {
      const made = await json(
        ...['pipelines', 'create', 'deals', '--label', '更新'],
        ...['--stage', 'Open=0.5', '--stage', 'Won=1.0'],
      );
      expect(made.stages.map(({ label }: { label: string }) => label)).toEqual(['Open', 'Won']);
      await run('pipelines', 'update', 'deals', made.id, '--label', 'Renewals');
      const added = await json('pipelines', 'create-stage', 'deals', made.id, '--stage', 'Legal=0.7');
      await run('pipelines', 'update-stage', 'deals', made.id, added.id, '--label', 'Lawyers');
      await run('pipelines', 'delete-stage', 'deals', made.id, made.stages[0].id, '--yes');
      const { output } = await run('pipelines', 'get', 'deals', made.id);
      expect(output).toMatch(/Renewals +\d+ +Lawyers +\d+ +0\.7/);
      expect(output).not.toContain('Open');
      await run('pipelines', 'delete', 'deals', made.id, '--yes');
      expect(await problem('pipelines', 'get', 'deals', made.id)).toContain('404');
    });

    it('take what they can be given, and nothing is sent without it', async () => {
      const requests = await world.requestsOf(async () => {
        const ordered = ['pipelines', 'create', 'deals', '--label', 'x', '--stage', 'A=0.1', '--order'];
        expect(await problem(...ordered, 'abc')).toContain('a whole number from 0');
        const stages = ['--stage', 'A=0.1', '--stage', 'B=0.2'];
        expect(await problem('pipelines', 'create-stage', 'deals', 'default', ...stages)).toContain(
          'can be given once',
        );
        expect(await problem('pipelines', 'update', 'deals', 'default')).toContain('Nothing to change');
        expect(await problem('pipelines', 'update-stage', 'deals', 'default', 'closedwon')).toContain(
          'Nothing to change',
        );
        const label = ['associations', 'delete-label', 'contacts', 'companies'];
        expect(await problem(...label, 'abc')).toContain('a whole number from 1');
        expect(await problem('associations', 'limit', 'contacts', 'companies', '1.5')).toContain(
          'a whole number',
        );
      });
      expect(requests).toEqual([]);
    });
  });

  describe('labels of associations', () => {
    it('are defined, used by name and deleted', async () => {
      const names = ['--name', 'advisor', '--label', 'Advisor'];
      const [label] = await json('associations', 'create-label', 'contacts', 'companies', ...names);
      await run('associations', 'create', 'contacts:102', 'companies:301', '--label', 'advisor');
      const { output } = await run('associations', 'list', 'contacts:102', 'companies');
      expect(output).toContain('Advisor');
      expect(
        await problem('associations', 'create', 'contacts:102', 'companies:301', '--label', 'Friend'),
      ).toContain('There is no label "Friend"');
      await run('associations', 'delete-label', 'contacts', 'companies', String(label.typeId), '--yes');
      const { output: left } = await run('associations', 'labels', 'contacts', 'companies');
      expect(left).not.toContain('Advisor');
    });
  });

  describe('limits of associations', () => {
    it('are set, changed, shown and taken away', async () => {
      const limit = (...options: string[]) =>
        run('associations', 'limit', 'contacts', 'companies', '279', ...options);
      const shown = async () => {
        const kinds = await json('associations', 'limits', 'contacts', 'companies');
        return kinds.find(({ typeId }: { typeId: number }) => typeId === 279).limit;
      };
      expect((await limit('--max', '3')).output).toContain('The kind 279 is limited to 3.');
      expect(await shown()).toBe(3);
      await limit('--max', '4');
      expect(await shown()).toBe(4);
      expect((await limit()).output).toContain('without a limit');
      expect(await shown()).toBeUndefined();
      expect(await problem('associations', 'limit', 'contacts', 'companies', '279', '--max', '0')).toContain(
        'a whole number from 1',
      );
      expect(await problem('associations', 'limit', 'contacts', 'companies', '7', '--max', '1')).toContain(
        'There is no kind 7',
      );
    });
  });

  describe('--dry-run', () => {
    it('prints every request and sends none', async () => {
      const rows = Array.from({ length: 120 }, (_, at) => `{"email":"dry${at}@example.com"}`).join('\n');
      const many = await file('many.jsonl', rows);
      const requests = await world.requestsOf(async () => {
        const one = await run(
          'deals',
          'create',
          '--stage',
          'Contract Sent',
          '--property',
          'dealname=Dry',
          '--dry-run',
        );
        expect(one.output).toContain('GET /crm/pipelines/2026-09/deals');
        expect(one.output).toContain('POST /crm/objects/2026-09/0-3\n{');
        expect(one.output).toContain('"dealstage": "<id of Contract Sent>"');
        expect(one.output).toMatch(/Nothing was sent\.$/);
        const read = await run('contacts', 'get', '1', '--properties', 'email', '--dry-run');
        expect(read.output).toMatch(/^GET \/crm\/objects\/2026-09\/contacts\/1\?properties=email\n/);
        const batch = await json('contacts', 'create-or-update', '--file', many, '--dry-run');
        expect(batch.requests.map(({ body }: { body: { inputs: [] } }) => body.inputs.length)).toEqual([
          100, 20,
        ]);
      });
      expect(requests).toEqual([]);
    });

    const associate = ['associations', 'create', 'contacts:102', 'companies:301'];
    it.each([
      [
        'a label',
        [...associate, '--label', 'advisor'],
        ['GET', 'PUT'],
        [
          {
            associationCategory: '<category of the label "advisor">',
            associationTypeId: '<type id of the label "advisor">',
          },
        ],
      ],
      [
        'a limit',
        ['associations', 'limit', 'contacts', 'companies', '279', '--max', '3'],
        ['GET', 'POST'],
        { inputs: [{ category: '<category of the kind 279>', typeId: 279, maxToObjectIds: 3 }] },
      ],
      [
        'a stage',
        ['pipelines', 'update-stage', 'tickets', '0', '1', '--label', 'Started'],
        ['GET', 'PATCH'],
        { metadata: { ticketState: '<its present value>' }, label: 'Started' },
      ],
      [
        'a record that belongs to another',
        ['notes', 'create', '--property', 'hs_timestamp=0', '--associate', 'contacts:101'],
        ['GET', 'POST'],
        {
          properties: { hs_timestamp: '0' },
          associations: [
            {
              to: { id: '101' },
              types: [
                {
                  associationCategory: '<category of the association without a label>',
                  associationTypeId: '<type id of the association without a label>',
                },
              ],
            },
          ],
        },
      ],
    ])(
      'prints the write of %s, with placeholders for what is read before it',
      async (_, args, methods, body) => {
        const sent = await world.requestsOf(async () => {
          const { requests } = await json(...args, '--dry-run');
          expect(requests.map(({ method }: { method: string }) => method)).toEqual(methods);
          expect(requests.at(-1).body).toEqual(body);
        });
        expect(sent).toEqual([]);
      },
    );
  });

  describe('as a process', () => {
    const command = (...args: string[]) => hubspotCommand(world.settings, ...args);

    it('takes the only portal that has the app', async () => {
      const { code, output } = await command('account', 'show', '--json');
      expect([code, JSON.parse(output).portalId]).toEqual([0, 62515]);
    });

    it('logs beside its result, not into it', async () => {
      const { output, errors } = await command('account', 'show', '--json', '--verbose');
      expect([JSON.parse(output).portalId, errors]).toEqual([
        62515,
        expect.stringContaining('called HubSpot'),
      ]);
    });

    it('ends with 1 and says why when HubSpot refuses, and shows no token', async () => {
      const { code, errors, output } = await command(
        'contacts',
        'create',
        '--property',
        'no_such=1',
        '--verbose',
      );
      expect(code).toBe(1);
      expect(errors).toContain('no_such');
      expect(errors + output).not.toMatch(/Bearer/);
    });

    it.each([
      ['one property', ['no_such=1'], 'Property "no_such" does not exist'],
      [
        'two properties',
        ['no_such=1', 'nor_this=1'],
        'Property "no_such" does not exist; Property "nor_this" does not exist',
      ],
    ])(
      'says what is wrong with %s in one sentence each, without JSON',
      async (_what, properties, sentences) => {
        const given = properties.flatMap((property) => ['--property', property]);
        const { code, errors } = await command('contacts', 'update', '101', ...given);
        expect([code, errors.trim()]).toEqual([
          1,
          'HubSpot: PATCH /crm/objects/2026-09/contacts/101: 400 VALIDATION_ERROR: ' +
            `Property values were not valid: ${sentences}`,
        ]);
      },
    );
    it('ends with 2 when HubSpot may have carried it out', async () => {
      const create = ['companies', 'create', '--property', 'name=x'];
      const merge = ['companies', 'merge', '301', '302', '--yes'];
      const failing = ([, verb = '']: readonly string[]) =>
        verb.endsWith('domain') ? '/crm/objects/*/companies' : '/crm/*';
      const domain = ['companies', 'create-or-update-by-domain', 'new.example'];
      const erase = ['contacts', 'gdpr-delete', '105', '--yes'];
      for (const [args, told] of [
        [create, 'Unconfirmed: the company may have been created.'],
        [merge, '\n  npm run hubspot -- companies get 302\n'],
        [domain, '\n  npm run hubspot -- companies get-by-domain new.example\n'],
        [erase, '\n  npm run hubspot -- contacts get 105\n'],
      ] as const) {
        await world.sandbox.control('failures', { method: 'POST', path: failing(args), status: 502 });
        const { code, errors } = await command(...args);
        expect(errors).toContain('Unconfirmed: ');
        expect([code, errors]).toEqual([2, expect.stringContaining(told)]);
      }
      expect((await command('--help')).output).toContain('2 unconfirmed');
    });

    it('names the field that HubSpot refused', async () => {
      const unknown = await command('contacts', 'search', '--where', 'nosuch=1');
      expect([unknown.code, unknown.errors.trim().split('\n')]).toEqual([
        1,
        [expect.stringContaining('There was a problem'), '  Property "nosuch" does not exist'],
      ]);
      await world.sandbox.control('failures', {
        path: '/crm/objects/2026-09/contacts',
        status: 400,
        body: { errors: [{ message: 'is too long', in: 'lastname' }] },
      });
      const named = await command('contacts', 'create', '--property', 'lastname=x');
      expect(named.errors).toMatch(/\n {2}lastname: is too long\n$/);
    });

    it('ends with 1 when a row of a file failed', async () => {
      const rows = await file('rows.csv', 'name,numberofemployees\nGood,1\nBad,many\n');
      const { code, output, errors } = await command(
        'companies',
        'create',
        '--file',
        rows,
        '--portal',
        '62515',
      );
      expect([code, errors.trim()]).toEqual([1, '1 of 2 rows failed.']);
      expect(output).toContain('many was not a valid number');
    });

    (hasTerminals ? it : it.skip)(
      'draws a bar in a terminal, and takes it away when the work ends or fails',
      async () => {
        const pairs = await file('bar.csv', 'from,to\n103,301\n104,301\n');
        const load = ['associations', 'import', 'contacts', 'companies', '--file', pairs];
        const inTerminal = (...args: string[]) => hubspotInTerminal(world.settings, ...args);
        const done = await inTerminal(...load);
        expect(done).toMatchObject({
          code: 0,
          output: expect.stringMatching(/ 2\/2 pairs .*Associated: 2 of 2/s),
        });
        const failed = await inTerminal(...load, '--label', 'none');
        expect(failed).toMatchObject({
          code: 1,
          output: expect.stringMatching(/ 0\/2 pairs .*no label "none"/s),
        });
        // The terminal is left as it was: lines wrap.
        expect(done.output + failed.output).not.toContain('\x1b[?7l');
      },
    );

    it('asks which portal when several have the app', async () => {
      await world.install(62516);
      const { code, errors } = await command('owners', 'list');
      expect([code, errors.trim()]).toEqual([
        1,
        'Several portals have the app installed (62515, 62516); choose one with --portal.',
      ]);
      const second = await command('owners', 'list', '--portal', '62516');
      expect(second.output).toContain('owner@second.example');
    });

    (hasTerminals ? it : it.skip)('ends in a terminal as well when it may not begin', async () => {
      await world.install(62516);
      const load = [
        'associations',
        'import',
        'contacts',
        'companies',
        '--file',
        await file('two.csv', 'from,to\n1,2\n'),
      ];
      const { code, output } = await hubspotInTerminal(world.settings, ...load);
      expect([code, output.trim()]).toEqual([1, expect.stringMatching(/^Several portals/)]);
    });
  });
});
