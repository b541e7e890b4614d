import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

const MACHINES = '2-30001';

describe('records of any type', () => {
  let world: CrmWorld;
  let hubspot: CrmWorld['hubspot'];
  beforeAll(async () => {
    world = await startCrmWorld();
    hubspot = world.hubspot;
  });
  afterAll(() => world.close());

  const types = [
    ['products', { name: 'Seat', price: 12 }, { price: 13 }],
    ['line_items', { name: 'Seat', quantity: 2 }, { quantity: 3 }],
    ['quotes', { hs_title: 'Offer', hs_expiration_date: new Date('2027-03-31') }, { hs_status: 'APPROVED' }],
    [MACHINES, { serial_number: 'S-1', model: 'A' }, { model: 'B' }],
    ['p62515_machine', { serial_number: 'S-2', model: 'A' }, { model: 'B' }],
    ['contacts', { email: 'any@objects.example' }, { firstname: 'Any' }],
  ] as const;

  it.each(types)('%s are created, changed, found and archived', async (type, properties, change) => {
    const records = hubspot.objects(type);
    const [name = '', value = ''] = Object.entries(change)[0] ?? [];
    const { id } = await records.create(properties);
    await records.update(id, change);
    expect((await records.get(id, [name])).properties[name]).toBe(String(value));
    const filters = [
      { propertyName: name, operator: 'EQ', value: String(value) },
      { propertyName: 'hs_object_id', operator: 'EQ', value: id },
    ] as const;
    expect(await Array.fromAsync(records.search({ filters }))).toMatchObject([{ id }]);
    const listed = await Array.fromAsync(records.list({ properties: [name] }));
    expect(listed.map((record) => record.id)).toContain(id);
    await records.archive(id);
    await expect(records.get(id)).rejects.toMatchObject({ status: 404 });
  });

  it.each(types)('%s are written and read in batches', async (type, properties, change) => {
    const records = hubspot.objects(type);
    const inputs = [properties, { no_such_property: '1' }].map((it) => ({ properties: it }));
    const [made, refused] = await records.batchCreate(inputs);
    expect(refused?.failure?.message).toContain('no_such_property');
    const id = made?.result?.id ?? '';
    await records.batchUpdate([{ id, properties: change }]);
    const [name = '', value = ''] = Object.entries(change)[0] ?? [];
    const [read, missing] = await records.batchRead([id, '999999'], [name]);
    expect(read?.result?.properties[name]).toBe(String(value));
    expect(missing?.failure?.category).toBe('OBJECT_NOT_FOUND');
    await records.batchArchive([id]);
  });

  it('have HubSpot’s default properties when none are given, without sending an empty list', async () => {
    const [sent] = await world.requestsOf(() => hubspot.objects(MACHINES).get('901'));
    expect(sent?.query).toEqual({});
    const [named] = await world.requestsOf(() => hubspot.objects('line_items').get('701'));
    expect(named?.query.properties).toContain('quantity');
  });

  it('of a custom type are created or updated by a unique property, and merged', async () => {
    const machines = hubspot.objects(MACHINES);
    const inputs = ['U-1', 'U-2'].map((id) => ({ id, properties: { model: 'M' } }));
    const first = await machines.batchUpsert('serial_number', inputs);
    const again = await machines.batchUpsert('serial_number', inputs);
    expect(again.map(({ result }) => [result?.id, result?.new])).toEqual(
      first.map(({ result }) => [result?.id, false]),
    );
    const [one = '', other = ''] = first.map(({ result }) => result?.id);
    await machines.merge(one, other);
    expect((await machines.get(other)).id).toBe(one);
    await expect(hubspot.objects('quotes').merge('801', '802')).rejects.toMatchObject({ status: 400 });
  });

  it('are associated with others, in both directions', async () => {
    const { id } = await hubspot.objects('line_items').create({ name: 'For a deal' });
    const [item, deal] = [
      { type: 'line_items', id },
      { type: 'deals', id: '401' },
    ];
    await hubspot.associations.createDefault(item, deal);
    expect(await Array.fromAsync(hubspot.associations.list(deal, 'line_items'))).toContainEqual(
      expect.objectContaining({ toObjectId: id }),
    );
    const machine = { type: MACHINES, id: '901' };
    await hubspot.associations.createDefault(machine, { type: 'companies', id: '301' });
    const [company] = await Array.fromAsync(
      hubspot.associations.list({ type: 'companies', id: '301' }, 'p62515_machine'),
    );
    expect(company).toMatchObject({ toObjectId: '901', associationTypes: [{ category: 'USER_DEFINED' }] });
    const read = await hubspot.objects(MACHINES).get('901', ['model'], { associations: ['contacts'] });
    expect(read.associations?.contacts?.results).toMatchObject([{ id: '101' }]);
    await expect(
      hubspot.associations.createDefault(machine, { type: 'line_items', id: '701' }),
    ).rejects.toMatchObject({ status: 400 });
  });

  it.each(['', '..', 'a/b', 'contacts?archived=true', '写真'])(
    'are not requested when "%s" is not a type',
    async (name) => {
      const sent = await world.requestsOf(async () => {
        expect(() => hubspot.objects(name)).toThrow('is no object type. Nothing was sent.');
      });
      expect(sent).toEqual([]);
    },
  );

  it('are rejected when the account does not have the type', async () => {
    await expect(hubspot.objects('2-99999').get('1')).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('Unable to infer object type from: 2-99999'),
    });
  });

  it('of custom types are described by their schema', async () => {
    const [schema] = await hubspot.schemas.list();
    expect(schema).toMatchObject({
      objectTypeId: MACHINES,
      fullyQualifiedName: 'p62515_machine',
      labels: { plural: 'Machines' },
      requiredProperties: ['serial_number'],
    });
    expect(await hubspot.schemas.get('p62515_machine')).toEqual(schema);
    const own = schema?.properties.find(({ name }) => name === 'serial_number');
    expect(own).toMatchObject({ type: 'string', hasUniqueValue: true });
    await expect(hubspot.schemas.get('2-99999')).rejects.toMatchObject({ status: 404 });
  });

  describe('on the command line', () => {
    const run = (...args: string[]) => runInProcess(world.ctx, crmCommands, ...args);
    async function json(...args: string[]) {
      const { output, problem } = await run(...args, '--json');
      if (problem) throw problem;
      return JSON.parse(output);
    }

    it('are written, read, found and deleted with --type', async () => {
      const type = ['--type', MACHINES];
      const made = await json(
        ...['objects', 'create', ...type, '--property', 'serial_number=C-1'],
        ...['--associate', 'contacts:101'],
      );
      const linked = await json('associations', 'list', `${MACHINES}:${made.id}`, 'contacts');
      expect(linked).toMatchObject([{ toObjectId: '101' }]);
      await run(
        'objects',
        'update',
        'C-1',
        ...type,
        '--id-property',
        'serial_number',
        '--property',
        'model=Z',
      );
      const found = await json('objects', 'search', ...type, '--where', 'model=Z', '--properties', 'model');
      expect(found).toMatchObject([{ id: made.id, properties: { model: 'Z' } }]);
      const upsert = ['objects', 'create-or-update', ...type, '--id-property', 'serial_number'];
      expect((await json(...upsert, '--property', 'serial_number=C-1', '--property', 'model=Y')).id).toBe(
        made.id,
      );
      const { output } = await run('objects', 'delete', made.id, ...type, '--yes');
      expect(output).toBe(`The record ${made.id} is deleted.`);
    });

    it('are printed with the name of their type', async () => {
      const none = await run('objects', 'search', '--type', 'line_items', '--where', 'name=Nothing');
      expect(none.output).toBe('There are no such line_items.');
      const { problem } = await run('objects', 'delete', '1', '--type', 'emails');
      expect(problem?.message).toContain('HubSpot does not keep e-mails in its recycle bin');
      const merge = await run('objects', 'merge', '1', '2', '--type', 'line_items');
      expect(merge.problem?.message).toContain('This merges record 2 into record 1 (line_items)');
    });

    it('mention how to show properties', async () => {
      expect((await run('objects', 'list', '--type', MACHINES)).notes).toBe(
        'Choose the properties to show with --properties.',
      );
      const named = ['objects', 'list', '--type', MACHINES, '--properties', 'serial_number'];
      expect((await run(...named)).notes).toBe('');
    });

    it('require --type', async () => {
      expect((await run('objects', 'list')).problem?.message).toContain("'--type <type>' not specified");
      expect((await run('objects', 'list', '--type', 'a b')).problem?.message).toContain('is no object type');
    });

    it('have a command for their schemas', async () => {
      const list = await run('schemas', 'list');
      expect(list.output).toMatch(/\n2-30001 +p62515_machine +Machines +.*serial_number model installed_on/);
      const one = await run('schemas', 'get', MACHINES);
      expect(one.output).toMatch(/^Machines \(2-30001\)\n/);
      expect(one.output).toMatch(/\nserial_number +Serial number +string +true +true/);
    });
  });
});
