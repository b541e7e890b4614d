import { describe, expect, it } from '@jest/globals';
import { useCrmCommands } from './crm-commands.ts';
import { hasTerminals, hubspotCommand, hubspotInTerminal } from './hubspot-command.ts';

describe('npm run hubspot -- <contacts, companies, …>', () => {
  const cli = useCrmCommands();
  const { file } = cli;

  describe('as a process', () => {
    const command = (...args: string[]) => hubspotCommand(cli.world.settings, ...args);

    it('uses the only portal with the app by default', async () => {
      const { code, output } = await command('account', 'show', '--json');
      expect([code, JSON.parse(output).portalId]).toEqual([0, 62515]);
    });

    it('mentions --help below a usage error', async () => {
      const { code, errors } = await command('contacts', 'get');
      expect([code, errors]).toEqual([
        1,
        "error: missing required argument 'id'\nAdd --help to see the usage.\n",
      ]);
    });

    it('logs to standard error, not into its result', async () => {
      const { output, errors } = await command('account', 'show', '--json', '--verbose');
      expect([JSON.parse(output).portalId, errors]).toEqual([
        62515,
        expect.stringContaining('called HubSpot'),
      ]);
    });

    it('exits with 1 and the reason, without tokens, when HubSpot rejects the call', async () => {
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
    ])('reports each problem with %s in a sentence, without JSON', async (_what, properties, sentences) => {
      const given = properties.flatMap((property) => ['--property', property]);
      const { code, errors } = await command('contacts', 'update', '101', ...given);
      expect([code, errors.trim()]).toEqual([
        1,
        'HubSpot: PATCH /crm/objects/2026-09/contacts/101: 400 VALIDATION_ERROR: ' +
          `Property values were not valid: ${sentences}`,
      ]);
    });
    it('exits with 2 when HubSpot may have processed the call', async () => {
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
        await cli.world.sandbox.control('failures', { method: 'POST', path: failing(args), status: 502 });
        const { code, errors } = await command(...args);
        expect(errors).toContain('Unconfirmed: ');
        expect([code, errors]).toEqual([2, expect.stringContaining(told)]);
      }
      expect((await command('--help')).output).toContain('2 unconfirmed');
    });

    it('names the field that HubSpot rejected', async () => {
      const unknown = await command('contacts', 'search', '--where', 'nosuch=1');
      expect([unknown.code, unknown.errors.trim().split('\n')]).toEqual([
        1,
        [expect.stringContaining('There was a problem'), '  Property "nosuch" does not exist'],
      ]);
      await cli.world.sandbox.control('failures', {
        path: '/crm/objects/2026-09/contacts',
        status: 400,
        body: { errors: [{ message: 'is too long', in: 'lastname' }] },
      });
      const named = await command('contacts', 'create', '--property', 'lastname=x');
      expect(named.errors).toMatch(/\n {2}lastname: is too long\n$/);
    });

    it('exits with 1 when a row of a file failed', async () => {
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
      'draws a progress bar in a terminal, and removes it when the work ends or fails',
      async () => {
        const pairs = await file('bar.csv', 'from,to\n103,301\n104,301\n');
        const load = ['associations', 'import', 'contacts', 'companies', '--file', pairs];
        const inTerminal = (...args: string[]) => hubspotInTerminal(cli.world.settings, ...args);
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

    it('requires --portal when several portals have the app', async () => {
      await cli.world.install(62516);
      const { code, errors } = await command('owners', 'list');
      expect([code, errors.trim()]).toEqual([
        1,
        'Several portals have the app installed (62515, 62516); choose one with --portal.',
      ]);
      const second = await command('owners', 'list', '--portal', '62516');
      expect(second.output).toContain('owner@second.example');
    });

    (hasTerminals ? it : it.skip)('ends in a terminal when it cannot start', async () => {
      await cli.world.install(62516);
      const load = [
        'associations',
        'import',
        'contacts',
        'companies',
        '--file',
        await file('two.csv', 'from,to\n1,2\n'),
      ];
      const { code, output } = await hubspotInTerminal(cli.world.settings, ...load);
      expect([code, output.trim()]).toEqual([1, expect.stringMatching(/^Several portals/)]);
    });
  });
});
