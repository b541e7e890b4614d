import { describe, expect, it } from '@jest/globals';
import { useCrmCommands } from './crm-commands.ts';

const UTF8 = 'save it as "CSV UTF-8"';

describe('npm run hubspot -- <contacts, companies, …>: files', () => {
  const cli = useCrmCommands();
  const { run, json, problem, file } = cli;

  describe('a file', () => {
    it('is imported row by row, and failures are reported with their line', async () => {
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

    it('of companies is matched by domain with --id-property', async () => {
      const csv = await file(
        'domains.csv',
        'domain,city\nhttps://www.By-Domain.example/,Nara\nExample.com,Boston\n',
      );
      const load = ['companies', 'create-or-update', '--id-property', 'domain', '--file', csv];
      const first = await json(...load);
      expect([first.done.length, first.done[1].id, first.failed]).toEqual([2, '301', []]);
      expect((await json(...load)).done).toEqual(first.done);
    });

    it('may contain the same record twice', async () => {
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

    it.each(['update', 'delete'])('%s rejects an id together with a file', async (command) => {
      const at = await file('beside.csv', 'id,city\n301,Osaka\n');
      const requests = await cli.world.requestsOf(async () => {
        expect(await problem('companies', command, '302', '--file', at)).toBe(
          'Give the id of a company or --file, not both. Nothing was sent.',
        );
      });
      expect(requests).toEqual([]);
    });

    it('uses the singular for a single row', async () => {
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
      ['broken.jsonl', '{"a":1}\n{"a"\n', ':2: a line must be one JSON object'],
      ['deep.jsonl', '{"a":{}}\n', ':1: "a" must be text'],
      ['shift-jis.csv', Buffer.from('email,lastname\na@example.com,\x8e\x52\x93\x63\n', 'latin1'), UTF8],
      ['utf-16.csv', Buffer.from('\uFEFFemail\na@example.com\n', 'utf16le'), UTF8],
      ['utf-16-plain.csv', Buffer.from('email\na@example.com\n', 'utf16le'), UTF8],
    ])('%s is rejected before anything is sent', async (name, content, told) => {
      const at = await file(name, content);
      const requests = await cli.world.requestsOf(async () => {
        expect(await problem('contacts', 'create', '--file', at)).toContain(told);
      });
      expect(requests).toEqual([]);
    });
  });

  describe('an unconfirmed row', () => {
    const unconfirm = (status: number, more: object = {}) =>
      cli.world.sandbox.control('failures', {
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
    ])('is reported as possibly created after %s', async (_what, status, more) => {
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

    it('is counted separately from failed and unsent rows', async () => {
      const rows = Array.from({ length: 101 }, (_, at) => `Batch ${at}`);
      const names = await file('unconfirmed.csv', ['name', ...rows, ''].join('\n'));
      await unconfirm(502);
      await cli.world.sandbox.control('failures', { method: 'POST', path: '/crm/*', status: 403, body: {} });
      const { output, problem } = await run('companies', 'create', '--file', names);
      expect(output).toMatch(/^Created companies: 0 of 101 rows\.\n/);
      expect(output).toMatch(/\n2 +unconfirmed: HubSpot: POST .* 502/);
      expect(output).toMatch(/\n102 +HubSpot: POST .* 403/);
      expect(problem?.message).toBe(
        [
          '1 of 101 rows failed.',
          '100 of 101 rows are unconfirmed: they may have been processed. Before you create again, wait a few seconds (HubSpot’s search is delayed) and check the newest companies:',
          '  npm run hubspot -- companies search --sort -createdate --limit 100',
        ].join('\n'),
      );
    });

    it('is in a separate list in the JSON; unsent rows have failed', async () => {
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

    it('is an ordinary failure when the call is idempotent', async () => {
      await unconfirm(501, { method: 'PATCH' });
      const told = await problem('companies', 'update', '301', '--property', 'city=Boston');
      expect(told).toContain('501');
      expect(told).not.toContain('nconfirmed');
    });
  });
});
