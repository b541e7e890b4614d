import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../app/cli/crm.ts';
import { explainRefusal } from '../../app/cli/refusal.ts';
import type { HubSpotError } from '../../app/hubspot/client/errors.ts';
import { apiScopes } from '../../app/hubspot/scopes.ts';
import { readProjectScopes } from '../../app/project-scopes.ts';
import { runInProcess } from '../cli/in-process.ts';
import { expectError } from '../helpers/expect-error.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { startWorld, type World } from '../helpers/world.ts';

const project = readProjectScopes();

describe('the scopes of HubSpot’s APIs', () => {
  // What the project does not ask for: a vendor who works on other types adds their scopes.
  const { pipelines, associations, objects: _, schemas: __, ...plain } = apiScopes;
  const all = {
    ...plain,
    'pipelines of deals': pipelines('deals'),
    'pipelines of tickets': pipelines('tickets'),
    'associations of contacts': associations('contacts'),
  };

  it.each(Object.entries(all))('are requested by the project: %s', (_area, { read, write }) => {
    expect([...project.required, ...project.optional]).toEqual(expect.arrayContaining([...read, ...write]));
  });

  describe('with an install that has only the required ones', () => {
    const memory = createMemoryLog();
    let world: World;
    beforeAll(async () => {
      // Optional ones that the required ones hold already are not asked for again.
      const settings = { HUBSPOT_OPTIONAL_SCOPES: 'oauth' };
      world = await startWorld({ settings, logger: memory.logger });
      await world.install();
    });
    afterAll(() => world.close());

    const run = (line: string) => runInProcess(world.ctx, crmCommands, ...line.split(' '));

    it('allow calls that need no others', async () => {
      expect((await world.ctx.services.installs.status(62515)).scopes.toSorted()).toEqual(
        project.required.toSorted(),
      );
      for (const line of ['contacts get 101', 'notes list', 'account show', 'contacts delete 105 --yes']) {
        expect([line, (await run(line)).problem]).toEqual([line, undefined]);
      }
    });

    it.each([
      ['companies list', 'crm.objects.companies.read'],
      ['companies create --property name=One', 'crm.objects.companies.write'],
      ['deals list', 'crm.objects.deals.read'],
      ['tickets list', 'tickets'],
      ['emails list', 'sales-email-read'],
      ['owners list', 'crm.objects.owners.read'],
      ['lists list', 'crm.lists.read'],
      ['lists members 11', 'crm.lists.read'],
      ['lists add 11 101', 'crm.lists.write'],
      ['pipelines list deals', 'crm.objects.deals.read'],
      ['pipelines create deals --label New --stage Won=1.0', 'crm.schemas.deals.write'],
      ['associations create companies:301 deals:401', 'crm.objects.companies.write'],
    ])('reject %s with 403, naming %s', async (line, scope) => {
      const { problem } = await run(line);
      expect(problem?.message).toMatch(/: 403 MISSING_SCOPES \(needs .*\): /);
      expect(problem?.message).toContain(scope);
    });

    /** HubSpot’s own answer, which names the scopes in the context of its error alone. */
    const lacking = (...requiredGranularScopes: string[]) => ({
      status: 403,
      body: {
        status: 'error',
        message: 'This app hasn’t been granted all required scopes to make this call.',
        errors: [
          {
            message: 'One or more of the following scopes are required.',
            context: { requiredGranularScopes },
          },
        ],
        category: 'MISSING_SCOPES',
      },
    });
    const NOT_ASKED =
      'The app does not request it, so reinstalling does not help: declare it in the project and, if they ' +
      'are set, in HUBSPOT_SCOPES or HUBSPOT_OPTIONAL_SCOPES first.';

    it.each([
      [
        ['crm.objects.contacts.read'],
        'a scope: crm.objects.contacts.read. The app requests it: ask the account to install the app again.',
        '(needs crm.objects.contacts.read)',
      ],
      [
        ['crm.objects.custom.read', 'crm.objects.contacts.read'],
        'one or more of these scopes: crm.objects.custom.read, crm.objects.contacts.read. ' +
          'The app requests crm.objects.contacts.read: ask the account to install the app again.',
        '(needs crm.objects.custom.read or crm.objects.contacts.read)',
      ],
      [
        ['crm.objects.custom.read'],
        `a scope: crm.objects.custom.read. ${NOT_ASKED}`,
        '(needs crm.objects.custom.read, not requested by the app)',
      ],
    ])(
      'are named when HubSpot requires %p, with whether the app requests them',
      async (scopes, told, short) => {
        const refuse = () => world.sandbox.control('failures', { path: '/crm/*', ...lacking(...scopes) });
        memory.lines.length = 0;
        await refuse();
        const answer = await world.api('GET', '/hubid/62515/contact/jane@example.com');
        expect(await expectError(answer, 403, 'missing_scopes')).toBe(`This install lacks ${told}`);
        const line = memory.lines.find(({ msg }) => msg === 'a call to HubSpot failed');
        const askedScopes = scopes.filter((scope) => project.required.includes(scope));
        expect(line).toMatchObject({
          reason: `403 MISSING_SCOPES ${short}`,
          requiredScopes: scopes,
          askedScopes,
        });

        await refuse();
        const { problem } = await run('contacts get 101');
        expect(explainRefusal(problem as HubSpotError)).toBe(
          `HubSpot: GET /crm/objects/2026-09/contacts/101: 403 MISSING_SCOPES ${short}: ` +
            `This app hasn’t been granted all required scopes to make this call.\n  This install lacks ${told}`,
        );

        await refuse();
        const [outcome] = await world.ctx.hubspotFor(62515).contacts.batchRead(['101']);
        expect(outcome?.failure?.message).toContain(short);
      },
    );

    it('are named once for all rows of a file, with the remedy', async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'scopes-'));
      const file = path.join(folder, 'new.csv');
      await writeFile(file, 'name\nOne\nTwo\n');
      const { problem } = await run(`companies create --file ${file}`);
      expect(problem?.message).toBe(
        `2 of 2 rows failed. This install lacks a scope: crm.objects.companies.write. ${NOT_ASKED}`,
      );
      await rm(folder, { recursive: true });
    });

    it('are unknown when HubSpot names none', async () => {
      const body = { category: 'MISSING_SCOPES' };
      await world.sandbox.control('failures', { path: '/crm/*', status: 403, body });
      const answer = await world.api('GET', '/hubid/62515/contact/jane@example.com');
      expect(await expectError(answer, 403, 'missing_scopes')).toBe(
        'This install lacks a required scope. Ask the account to install the app again.',
      );
    });
  });
});
