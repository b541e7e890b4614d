import { describe, expect, it } from '@jest/globals';
import { useCrmCommands } from './crm-commands.ts';

describe('npm run hubspot -- <contacts, companies, …>: records', () => {
  const cli = useCrmCommands();
  const { run, json, problem } = cli;

  describe('one record', () => {
    it('is shown as an aligned table, or as JSON as HubSpot returns it', async () => {
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

    it('is aligned by display width, with wide characters and emoji', async () => {
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

    it('is written with literal values that are never evaluated', async () => {
      const value = '=1+1; $(rm -rf /) `x` "q" a=b';
      const { id } = await json('notes', 'create', '--property', `hs_note_body=${value}`);
      const note = await json('notes', 'get', id);
      expect(note.properties.hs_note_body).toBe(value);
    });

    it('has a property cleared by an empty value', async () => {
      await run('contacts', 'update', '103', '--property', 'jobtitle=');
      const { properties } = await json('contacts', 'get', '103', '--properties', 'jobtitle');
      expect(properties.jobtitle).toBeNull();
    });

    it('can be created with an association', async () => {
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

    it('is associated with every record of --associate in one request', async () => {
      const named = ['contacts:101', 'contacts:102', 'companies:301', 'deals:401', 'contacts:101'];
      const options = named.flatMap((record) => ['--associate', record]);
      const sent = await cli.world.requestsOf(async () => {
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
        const sent = await cli.world.requestsOf(async () => {
          expect(await problem('contacts', verb, ...options)).toContain(named);
        });
        expect(sent).toEqual([]);
      }
    });

    it('is not written when two options set the same property', async () => {
      const twice = ['--stage', 'Closed Won', '--property', 'dealstage=contractsent'];
      const told = await problem('deals', 'update', '402', ...twice);
      expect(told).toBe('The property dealstage is given twice: with --property and with another option.');
    });

    it('is not created when the record to associate does not exist', async () => {
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

    it('of a company is created or updated by its domain', async () => {
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
        'This permanently erases the contact 105. Nothing was done: add --yes to confirm.',
      );
      await run('contacts', 'gdpr-delete', '105', '--yes');
      expect(await problem('contacts', 'get', '105')).toContain('404');
    });

    it('is not written without properties', async () => {
      expect(await problem('companies', 'create')).toContain('Nothing to write');
      expect(await problem('companies', 'update', '--property', 'city=x')).toContain(
        'Give the id of a company or --file.',
      );
      expect(await problem('companies', 'create-or-update', '--property', 'a=b')).toContain('--id-property');
      expect(await problem('contacts', 'create', '--property', 'nothing')).toContain('name=value');
    });
  });

  describe('search and list', () => {
    it('filter by conditions', async () => {
      const found = await json('deals', 'search', '--where', 'amount>=10000', '--where', 'closedate');
      expect(found.map(({ id }: { id: string }) => id)).toEqual(['401']);
      const words = await run('companies', 'search', '--query', 'サンプル');
      expect(words.output).toContain('株式会社サンプル');
      const none = await run('companies', 'search', '--where', 'city=Nowhere');
      expect(none.output).toBe('There are no such companies.');
      const sorted = await json('deals', 'search', '--sort', '-amount', '--limit', '1');
      expect(sorted[0].id).toBe('401');
    });

    it('request one record more than --limit, not a whole page', async () => {
      const sizes = async (...args: string[]) =>
        (await cli.world.requestsOf(() => run('contacts', ...args))).map(({ query, body }) =>
          Number(query.limit ?? body.limit),
        );
      expect(await sizes('search', '--limit', '1')).toEqual([2]);
      expect(await sizes('list', '--limit', '2')).toEqual([3]);
    });

    it('accept lists of names in one option or in several', async () => {
      const names = ['--properties', 'firstname,email', '--properties', 'jobtitle'];
      const { output } = await run('contacts', 'get', '101', ...names, '--associations', 'companies');
      for (const name of ['firstname', 'email', 'jobtitle']) expect(output).toContain(name);
    });

    it('reject a repeated option that takes one value', async () => {
      for (const option of [
        ['--limit', '1'],
        ['--query', 'a'],
        ['--sort', 'email'],
      ]) {
        expect(await problem('contacts', 'search', ...option, ...option)).toContain('can be given once');
      }
    });

    it('report when there are more records', async () => {
      const more = 'There are more; increase --limit.';
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
});
