import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../app/cli/crm.ts';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';
import { runInProcess } from './in-process.ts';

const HINT = 'Commas separate values and .. is a range; quote a single value: name="Doe, Jane".';

describe('search --where', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
    await world.hubspot.companies.create({ name: 'Doe, Jane & Co', city: 'x' });
  });
  afterAll(() => world.close());

  const search = (group: string, ...filters: string[]) => {
    const where = filters.flatMap((filter) => ['--where', filter]);
    return runInProcess(world.ctx, crmCommands, group, 'search', ...where, '--json');
  };

  it.each([
    ['contacts', ['lifecyclestage=lead,customer'], ['101', '103']],
    ['contacts', ['lifecyclestage=lead, customer'], ['101', '103']],
    ['contacts', ['lifecyclestage=lead,'], ['101']],
    ['contacts', ['lifecyclestage!=lead,customer', 'email~example.com'], ['102', '104', '105']],
    // Text is compared in lower case, options as they are written.
    ['contacts', ['firstname=Jane,Aoife'], ['101', '104']],
    ['contacts', ['firstname!=Jane,Aoife'], ['102', '103', '105']],
    ['tickets', ['hs_ticket_priority=HIGH,URGENT'], ['501']],
    ['contacts', ['hs_object_id=101,103'], ['101', '103']],
    ['deals', ['amount=3000..5000'], ['402']],
    ['deals', ['amount=3500..12000'], ['401', '402']],
    ['deals', ['closedate=2026-12-01..2026-12-31'], ['401']],
    ['companies', ['name=Example Inc.'], ['301']],
    ['companies', ['name="Doe, Jane & Co"'], ['1001']],
    ['companies', ['name!=">5"'], ['301', '302', '1001']],
    ['companies', ['name="Doe, Jane & Co",Example Inc.'], ['301', '1001']],
    ['contacts', ['firstname!~Jane', 'lifecyclestage=lead,opportunity'], ['104']],
    ['objects', ['quantity=10..12'], ['701']],
  ])('finds %s by %j', async (group, filters, ids) => {
    const type = group === 'objects' ? ['--type', 'line_items'] : [];
    const where = filters.flatMap((filter) => ['--where', filter]);
    const run = await runInProcess(world.ctx, crmCommands, group, 'search', ...where, ...type, '--json');
    if (run.problem) throw run.problem;
    expect(JSON.parse(run.output).map(({ id }: { id: string }) => id)).toEqual(ids);
  });

  it('explains commas and dots when a filter with them finds nothing', async () => {
    expect((await search('companies', 'name=Doe, Jane & Co')).notes).toBe(HINT);
    expect((await search('deals', 'amount=1..2')).notes).toBe(HINT);
    expect((await search('deals', 'amount=1')).notes).toBe('');
    expect((await search('contacts', 'lifecyclestage=lead,customer')).notes).toBe('');
  });

  it.each([
    ['firstname=', 'Give a value; !firstname finds records without one.'],
    ['firstname=,', 'Give a value'],
    ['amount>', 'Give a value; !amount finds records without one.'],
    ['dealname!~ ', 'Give a value'],
    ['amount=>5', 'There is no =>, but = != < <= > >= ~ and !~. Quote a value that begins so: amount=">5".'],
    ['amount==5', 'There is no ==,'],
    ['amount<>5', 'There is no <>,'],
    ['amount!==5', 'There is no !==,'],
    ['amount!=1..5', 'A range needs ='],
    ['!amount=5', 'It must be name=value'],
  ])('rejects %s', async (filter, told) => {
    const sent = await world.requestsOf(async () => {
      expect((await search('deals', filter)).problem?.message).toContain(told);
    });
    expect(sent).toEqual([]);
  });
});

describe('a search of a service by IN', () => {
  it('finds text and options regardless of case', async () => {
    const world = await startCrmWorld();
    try {
      const found = async (propertyName: string, ...values: string[]) => {
        const filters = [{ propertyName, operator: 'IN', values }] as const;
        return (await Array.fromAsync(world.hubspot.contacts.search({ filters }))).map(({ id }) => id);
      };
      expect(await found('firstname', 'JANE', 'Miguel')).toEqual(['101', '103']);
      await world.hubspot.contacts.update('102', { hs_lead_status: 'OPEN_DEAL' });
      expect(await found('hs_lead_status', 'OPEN_DEAL')).toEqual(['102']);
    } finally {
      await world.close();
    }
  });
});
