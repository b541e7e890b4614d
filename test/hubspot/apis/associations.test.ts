import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

const taro = { type: 'contacts', id: '102' };
const aoife = { type: 'contacts', id: '104' };
const example = { type: 'companies', id: '301' };

describe('associations', () => {
  let world: CrmWorld;
  let associations: CrmWorld['hubspot']['associations'];
  beforeAll(async () => {
    world = await startCrmWorld();
    associations = world.hubspot.associations;
  });
  afterAll(() => world.close());

  const of = async (from: { type: string; id: string }, toType: string) =>
    (await Array.fromAsync(associations.list(from, toType))).map(({ toObjectId }) => toObjectId);

  it('are created, visible from both sides, and removed', async () => {
    await associations.createDefault(aoife, example);
    expect(await of(aoife, 'companies')).toEqual(['301']);
    expect(await of(example, 'contacts')).toContain('104');
    await associations.delete(aoife, example);
    expect(await of(aoife, 'companies')).toEqual([]);
  });

  it('have the labels of the portal', async () => {
    const [label] = await associations.labels.create('contacts', 'companies', {
      name: 'advisor',
      label: 'Advisor',
      inverseLabel: 'Advised by',
    });
    const types = [{ associationCategory: 'USER_DEFINED', associationTypeId: label?.typeId ?? 0 } as const];
    await associations.create(taro, example, types);
    const [found] = (await Array.fromAsync(associations.list(taro, 'companies'))).filter(
      ({ toObjectId }) => toObjectId === '301',
    );
    expect(found?.associationTypes.map(({ label }) => label)).toContain('Advisor');
    await associations.labels.rename('contacts', 'companies', {
      associationTypeId: label?.typeId ?? 0,
      label: 'Counsel',
    });
    const names = (await associations.labels.list('contacts', 'companies')).map(({ label }) => label);
    expect(names).toContain('Counsel');
  });

  it('can be limited by kind, until the limit is removed', async () => {
    const { limits } = associations;
    const kind = { category: 'HUBSPOT_DEFINED', typeId: 279 };
    const ofKind = async () =>
      (await limits.list('contacts', 'companies')).find(({ typeId }) => typeId === kind.typeId);
    const [set] = await limits.create('contacts', 'companies', [{ ...kind, maxToObjectIds: 1 }]);
    expect(set?.result).toMatchObject({ ...kind, userEnforcedMaxToObjectIds: 1 });
    await limits.update('contacts', 'companies', [{ ...kind, maxToObjectIds: 2 }]);
    expect(await ofKind()).toMatchObject({ userEnforcedMaxToObjectIds: 2 });
    expect(await limits.listAll()).toMatchObject([{ ...kind, userEnforcedMaxToObjectIds: 2 }]);
    const [unknown] = await limits.create('contacts', 'companies', [
      { ...kind, typeId: 999_999, maxToObjectIds: 1 },
    ]);
    expect(unknown?.failure?.category).toBe('VALIDATION_ERROR');
    await limits.delete('contacts', 'companies', [kind]);
    expect((await ofKind())?.userEnforcedMaxToObjectIds).toBeUndefined();
    expect(await limits.listAll()).toEqual([]);
  });

  it('are written in batches that report which pair failed', async () => {
    const outcomes = await associations.batchCreateDefault('contacts', 'companies', [
      { from: '103', to: '301' },
      { from: '999999', to: '302' },
      { from: '103', to: '302' },
    ]);
    expect(outcomes.map(({ failure }) => failure?.category)).toEqual([
      undefined,
      'OBJECT_NOT_FOUND',
      undefined,
    ]);
    const [read] = await associations.batchRead('contacts', 'companies', ['103']);
    expect(read?.result?.to.map(({ toObjectId }) => toObjectId)).toEqual(['301', '302']);
    await associations.batchDelete('contacts', 'companies', [{ from: '103', to: '301' }]);
    expect(await of({ type: 'contacts', id: '103' }, 'companies')).toEqual(['302']);
  });
});

describe('a batch read of associations', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  const readOf = async (ids: readonly string[], from = 'contacts', to = 'companies') =>
    (await world.hubspot.associations.batchRead(from, to, ids)).map(({ result, failure }) => ({
      found: result?.to.map(({ toObjectId }) => toObjectId),
      failure: failure && { category: failure.category, subCategory: failure.subCategory },
    }));

  it.each([
    ['contacts', 'companies', '104'],
    ['companies', 'tickets', '301'],
    ['0-3', '0-5', '401'],
    ['tickets', 'notes', '501'],
  ])('returns an empty list when one of the %s has no %s', async (from, to, id) => {
    expect(await readOf([id], from, to)).toEqual([{ found: [], failure: undefined }]);
  });

  it('distinguishes none, some and failed', async () => {
    const invalid = { category: 'VALIDATION_ERROR', subCategory: 'crm.associations.INVALID_IDENTIFIER' };
    expect(await readOf(['101', '104', 'jane@example.com', '', '104'])).toEqual([
      { found: ['301'], failure: undefined },
      { found: [], failure: undefined },
      { found: undefined, failure: invalid },
      { found: undefined, failure: invalid },
      { found: [], failure: undefined },
    ]);
  });

  it('fails when HubSpot names another reason, or none', async () => {
    const path = '/crm/associations/2026-09/contacts/companies/batch/read';
    const error = { category: 'OBJECT_NOT_FOUND', message: 'No.', context: { fromObjectId: ['104'] } };
    for (const subCategory of ['crm.associations.OTHER', { name: 'OTHER' }, undefined]) {
      const body = { results: [], errors: [{ ...error, subCategory }] };
      await world.sandbox.control('failures', { path, status: 207, body });
      const failure = { category: 'OBJECT_NOT_FOUND', subCategory };
      expect(await readOf(['104'])).toEqual([{ found: undefined, failure }]);
    }
  });

  it('keeps the sub-category when the request fails as a whole', async () => {
    const path = '/crm/associations/2026-09/contacts/companies/batch/read';
    const body = { category: 'VALIDATION_ERROR', message: 'No.', subCategory: 'crm.associations.LIMIT' };
    await world.sandbox.control('failures', { path, status: 400, body });
    const failure = { category: 'VALIDATION_ERROR', subCategory: 'crm.associations.LIMIT' };
    expect(await readOf(['104'])).toEqual([{ found: undefined, failure }]);
  });
});

describe('batches of associations that partly failed', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  const path = '/crm/associations/2026-09/contacts/companies/batch';
  const pairs = [
    { from: '101', to: '301' },
    { from: '999', to: '301' },
    { from: '999', to: '302' },
  ];

  it.each<[string, Record<string, string[]>, boolean[]]>([
    ['both sides', { fromObjectId: ['999'], toObjectId: ['301'] }, [true, false, true]],
    ['one side', { fromObjectId: ['999'] }, [true, false, false]],
    ['the other side', { toObjectId: ['301'] }, [false, false, true]],
    ['a record', { objectId: ['999'] }, [true, false, false]],
    ['two records', { ids: ['999', '301'] }, [true, false, true]],
    ['nothing', {}, [false, false, false]],
    ['something else', { correlation: ['x'] }, [false, false, false]],
  ])('an error that names %s belongs to its pairs', async (_what, context, expected) => {
    const body = { results: [], errors: [{ message: 'No.', category: 'C', context }] };
    await world.sandbox.control('failures', { path: `${path}/archive`, status: 207, body });
    const outcomes = await world.hubspot.associations.batchDelete('contacts', 'companies', pairs);
    expect(outcomes.map(({ result }) => result ?? false)).toEqual(expected);
    for (const { failure } of outcomes) expect(failure?.message ?? 'No.').toBe('No.');
  });

  it('report HubSpot’s reason also for limits', async () => {
    const { limits } = world.hubspot.associations;
    const kinds = [1, 2].map((typeId) => ({ category: 'HUBSPOT_DEFINED', typeId }));
    const at = '/crm/associations/2026-09/definitions/configurations/contacts/companies/batch';
    const errors = [{ message: 'Too many.', context: { associationTypeId: ['2'] } }];
    await world.sandbox.control('failures', { path: `${at}/purge`, status: 207, body: { errors } });
    const purged = await limits.delete('contacts', 'companies', kinds);
    expect(purged.map(({ result, failure }) => result ?? failure?.message)).toEqual([true, 'Too many.']);
    await world.sandbox.control('failures', { path: `${at}/create`, status: 207, body: { errors } });
    const wanted = kinds.map((kind) => ({ ...kind, maxToObjectIds: 5 }));
    const created = await limits.create('contacts', 'companies', wanted);
    expect(created[1]?.failure?.message).toBe('Too many.');
  });
});

describe('engagements', () => {
  it('are on the timeline at the current time by default', async () => {
    const world = await startCrmWorld();
    try {
      const { notes, emails, associations } = world.hubspot;
      const before = Date.now();
      const types = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 202 } as const];
      const note = await notes.create({ hs_note_body: 'メモ' }, [{ to: { id: '101' }, types }]);
      const at = Date.parse((await notes.get(note.id)).properties.hs_timestamp ?? '');
      expect(at).toBeGreaterThanOrEqual(before);
      const [linked] = await Array.fromAsync(associations.list({ type: 'contacts', id: '101' }, 'notes'));
      expect(linked?.toObjectId).toBe(note.id);
      const email = await emails.create({ hs_email_subject: 'Offer', hs_timestamp: '2026-11-20T09:00:00Z' });
      const { hs_timestamp, hs_email_direction } = (await emails.get(email.id)).properties;
      expect([Date.parse(hs_timestamp ?? ''), hs_email_direction]).toEqual([
        Date.parse('2026-11-20T09:00:00Z'),
        'EMAIL',
      ]);
    } finally {
      await world.close();
    }
  });
});

describe('owners and the account', () => {
  let world: CrmWorld;
  let owners: CrmWorld['hubspot']['owners'];
  beforeAll(async () => {
    world = await startCrmWorld();
    owners = world.hubspot.owners;
  });
  afterAll(() => world.close());

  it('are read', async () => {
    const admin = await owners.findByEmail('admin@example.com');
    expect(await owners.get(String(admin?.userId), 'userId')).toEqual(admin);
    expect(await owners.findByEmail('nobody@example.com')).toBeUndefined();
    expect(await world.hubspot.account.get()).toMatchObject({ portalId: 62515, timeZone: 'Asia/Tokyo' });
  });

  it('keep the user’s id when the owner is archived', async () => {
    const [former] = await Array.fromAsync(owners.list({ archived: true }));
    expect(former).toMatchObject({ id: '625153', archived: true, userIdIncludingInactive: 9586506 });
    expect(former?.userId).toBeUndefined();
    expect(await owners.get('625153', 'id', { archived: true })).toEqual(former);
    expect(await owners.get('9586506', 'userId', { archived: true })).toEqual(former);
    await expect(owners.get('625153')).rejects.toMatchObject({ status: 404 });
  });

  it('are found by an address regardless of case, also when HubSpot’s filter is case-sensitive', async () => {
    const filter = { method: 'GET', path: '/crm/owners/2026-09', status: 200, body: { results: [] } };
    for (const email of ['Admin@Example.COM', ' admin@example.com ']) {
      expect((await owners.findByEmail(email))?.id).toBe('625151');
      await world.sandbox.control('failures', filter);
      expect((await owners.findByEmail(email))?.id).toBe('625151');
    }
    expect((await owners.findByEmail('FORMER@example.com', { archived: true }))?.id).toBe('625153');
    expect(await owners.findByEmail('FORMER@example.com')).toBeUndefined();
  });

  it('are shown on the command line with the user’s id, archived ones too', async () => {
    const run = (...args: string[]) => runInProcess(world.ctx, crmCommands, 'owners', ...args);
    for (const line of [
      'list --archived',
      'get 625153 --archived',
      'get-by-email Former@example.com --archived',
    ]) {
      expect((await run(...line.split(' '))).output).toMatch(/625153 .* Former +9586506$/m);
    }
    expect((await run('get-by-email', 'ADMIN@example.com')).output).toContain('625151');
    const { problem } = await run('get-by-email', 'former@example.com');
    expect(problem?.message).toBe(
      'No owner has the address former@example.com; --archived searches the archived ones.',
    );
    const [json] = JSON.parse((await run('list', '--archived', '--json')).output);
    expect(json).toMatchObject({ id: '625153', userIdIncludingInactive: 9586506 });
    expect(json).not.toHaveProperty('userId');
  });
});
