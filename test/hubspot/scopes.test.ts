import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../app/cli/crm.ts';
import { apiScopes } from '../../app/hubspot/scopes.ts';
import { readProjectScopes } from '../../app/project-scopes.ts';
import { runInProcess } from '../cli/in-process.ts';
import { startWorld, type World } from '../helpers/world.ts';

const project = readProjectScopes();

describe('the scopes of HubSpot’s APIs', () => {
  // What the project does not ask for: a vendor who works on other types adds their scopes.
  const { pipelines, associations, objects: _, schemas: __, ...plain } = apiScopes;
  const all = {
    ...plain,
    ...{ 'pipelines of deals': pipelines('deals'), 'pipelines of tickets': pipelines('tickets') },
    'associations of contacts': associations('contacts'),
  };

  it.each(Object.entries(all))('are asked for by the project: %s', (_area, { read, write }) => {
    expect([...project.required, ...project.optional]).toEqual(expect.arrayContaining([...read, ...write]));
  });

  describe('with an install that was granted the required ones alone', () => {
    let world: World;
    beforeAll(async () => {
      // Optional ones that the required ones hold already are not asked for again.
      world = await startWorld({ settings: { HUBSPOT_OPTIONAL_SCOPES: 'oauth' } });
      await world.install();
    });
    afterAll(() => world.close());

    const run = (line: string) => runInProcess(world.ctx, crmCommands, ...line.split(' '));

    it('let in what needs no other', async () => {
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
      ['pipelines list deals', 'crm.objects.deals.read'],
      ['pipelines create deals --label New --stage Won=1.0', 'crm.schemas.deals.write'],
      ['associations create companies:301 deals:401', 'crm.objects.companies.write'],
    ])('refuse %s with 403 and name %s', async (line, scope) => {
      const { problem } = await run(line);
      expect(problem?.message).toMatch(/: 403 MISSING_SCOPES: /);
      expect(problem?.message).toContain(scope);
    });
  });
});
