import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(async () => {
  await hubspot.control('/reset', {});
  api = hubspot.api((await hubspot.fullAccess()).access);
});

const deals = '/crm/pipelines/2026-09/deals';
const tickets = '/crm/pipelines/2026-09/tickets';
const stage = (label: string, probability: unknown, displayOrder = 0) => ({
  label,
  displayOrder,
  metadata: { probability },
});
const pipeline = (label: string, ...stages: object[]) => ({ label, displayOrder: 1, stages });
const renewals = pipeline('Renewals', { ...stage('Open', '0.50'), stageId: 'open' }, stage('Won', 1, 1));

describe('pipelines', () => {
  it.each(['/crm/v3/pipelines', '/crm/pipelines/2026-03', '/crm/pipelines/2026-09'])(
    'that every portal has are listed below %s',
    async (base) => {
      const { body } = await api('GET', `${base}/deals`);
      expect(body.results).toHaveLength(1);
      expect(body.results[0]).toMatchObject({ id: 'default', label: 'Sales Pipeline', archived: false });
      expect(body.results[0].stages).toHaveLength(7);
      expect(body.results[0].stages[5]).toMatchObject({
        id: 'closedwon',
        label: 'Closed Won',
        metadata: { probability: '1.0', isClosed: 'true' },
        createdAt: '1970-01-01T00:00:00.000Z',
      });
      const support = await api('GET', `${base}/tickets/0/stages/4`);
      expect(support.body.metadata).toEqual({ ticketState: 'CLOSED', isClosed: 'true' });
      expect((await api('GET', `${base}/contacts`)).body.results).toEqual([]);
    },
  );

  it('are created, read, replaced, changed and deleted', async () => {
    const created = await api('POST', deals, { ...renewals, pipelineId: 'renewals' });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      id: 'renewals',
      stages: [
        { id: 'open', metadata: { probability: '0.5', isClosed: 'false' } },
        { metadata: { probability: '1.0', isClosed: 'true' } },
      ],
    });
    const path = `${deals}/renewals`;
    const replaced = await api(
      'PUT',
      path,
      pipeline('Renewals 2', { ...stage('Opened', 0.2), stageId: 'open' }),
    );
    expect(replaced.body.stages).toEqual([expect.objectContaining({ id: 'open', label: 'Opened' })]);
    const patched = await api('PATCH', path, { displayOrder: 5 });
    expect(patched.body).toMatchObject({ label: 'Renewals 2', displayOrder: 5 });
    expect((await api('PATCH', path, { archived: false })).status).toBe(400);
    expect((await api('DELETE', path)).status).toBe(204);
    expect((await api('GET', path)).status).toBe(404);
    const audit = await api('GET', `${deals}/default/audit`);
    expect(audit.body).toEqual({ results: [] });
  });

  it('belong to one portal', async () => {
    await api('POST', deals, renewals);
    const other = hubspot.api((await hubspot.fullAccess(62516)).access);
    expect((await other('GET', deals)).body.results).toHaveLength(1);
  });

  it.each([
    ['the label of another', deals, pipeline('sales pipeline', stage('A', 0))],
    ['the id of another', deals, { ...renewals, pipelineId: 'default' }],
    ['no stages', deals, pipeline('P')],
    ['two stages of one label', deals, pipeline('P', stage('A', 0), stage('a ', 1))],
    ['a stage without probability', deals, pipeline('P', { ...stage('A', 0), metadata: {} })],
    ['a probability above one', deals, pipeline('P', stage('A', 1.1))],
    ['101 stages', deals, pipeline('P', ...Array.from({ length: 101 }, (_, n) => stage(`S${n}`, 0, n)))],
    ['a negative order', deals, { ...renewals, displayOrder: -1 }],
    [
      'no closed stage of tickets',
      tickets,
      pipeline('P', { label: 'A', displayOrder: 0, metadata: { ticketState: 'OPEN' } }),
    ],
    [
      'an unknown ticket state',
      tickets,
      pipeline('P', { label: 'A', displayOrder: 0, metadata: { ticketState: 'open' } }),
    ],
    ['a type without pipelines', '/crm/pipelines/2026-09/notes', renewals],
  ])('are rejected with %s', async (_what, path, body) => {
    const answer = await api('POST', path, body);
    expect([answer.status, answer.body.status]).toEqual([path.endsWith('notes') ? 403 : 400, 'error']);
  });

  it('have ids that are unique across deals and tickets, and stage ids unique across pipelines', async () => {
    const closed = { label: 'Closed', displayOrder: 0, metadata: { ticketState: 'CLOSED' } };
    const taken = await api('POST', tickets, { ...pipeline('P', closed), pipelineId: 'default' });
    expect(taken.status).toBe(409);
    const twice = await api('POST', deals, pipeline('P', { ...stage('A', 0), stageId: 'closedwon' }));
    expect([twice.status, twice.body.subCategory]).toEqual([
      409,
      'PipelineError.STAGE_ID_EXISTS_IN_ANOTHER_PIPELINE',
    ]);
  });

  it('with records in them are not deleted: by request before 2026-09, and always from then on', async () => {
    await api('POST', deals, { ...renewals, pipelineId: 'renewals' });
    const properties = { dealname: 'D', pipeline: 'renewals', dealstage: 'open' };
    const { body: deal } = await api('POST', '/crm/objects/2026-09/deals', { properties });
    const refused = await api(
      'DELETE',
      '/crm/v3/pipelines/deals/renewals?validateReferencesBeforeDelete=true',
    );
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({
      category: 'VALIDATION_ERROR',
      subCategory: 'PipelineError.STAGE_ID_IN_USE',
      message: `Stage IDs: [open] are being referenced by object IDs: [${deal.id}]`,
    });
    expect((await api('DELETE', `${deals}/renewals`)).status).toBe(400);
    expect((await api('DELETE', `${deals}/renewals/stages/open`)).status).toBe(400);
    expect((await api('PUT', `${deals}/renewals`, pipeline('R', stage('New', 0)))).status).toBe(400);
    expect((await api('DELETE', '/crm/v3/pipelines/deals/renewals')).status).toBe(204);
    expect((await api('DELETE', `${deals}/default`)).status).toBe(400);
  });

  it('need the scope for changing definitions', async () => {
    const reader = hubspot.api((await hubspot.install()).access);
    expect((await reader('GET', deals)).status).toBe(403);
    expect((await reader('POST', deals, renewals)).status).toBe(403);
  });
});

describe('stages', () => {
  const stages = `${deals}/default/stages`;

  it('are created, read, replaced, changed and deleted', async () => {
    const created = await api('POST', stages, { ...stage('Trial', '0.3', 2), stageId: 'trial' });
    expect([created.status, created.body.id]).toEqual([201, 'trial']);
    const patched = await api('PATCH', `${stages}/trial`, { label: 'Pilot' });
    expect(patched.body).toMatchObject({ label: 'Pilot', metadata: { probability: '0.3' } });
    const replaced = await api('PUT', `${stages}/trial`, stage('Pilot', 0.4, 9));
    expect(replaced.body).toMatchObject({ displayOrder: 9, metadata: { probability: '0.4' } });
    expect((await api('PUT', `${stages}/trial`, { label: 'Pilot' })).status).toBe(400);
    expect((await api('GET', stages)).body.results.at(-1).id).toBe('trial');
    expect((await api('DELETE', `${stages}/trial`)).status).toBe(204);
    expect((await api('DELETE', `${stages}/trial`)).status).toBe(204);
    expect((await api('GET', `${stages}/trial`)).status).toBe(404);
    const { body } = await api('GET', `${stages}/closedlost/audit`);
    expect(body.results).toEqual([]);
  });

  it('are audited', async () => {
    await api('PATCH', `${stages}/closedlost`, { label: 'Lost' });
    const { body } = await api('GET', `${stages}/closedlost/audit`);
    expect(body.results).toEqual([
      expect.objectContaining({ action: 'UPDATE', identifier: 'closedlost', portalId: 62515 }),
    ]);
    expect((await api('GET', `${deals}/default/audit`)).body.results).toHaveLength(1);
  });

  it('cannot duplicate an id, nor leave a ticket pipeline open', async () => {
    expect((await api('PATCH', `${stages}/closedlost`, { label: 'Closed Won' })).status).toBe(400);
    expect((await api('POST', stages, { ...stage('X', 0), stageId: 'closedlost' })).status).toBe(400);
    const closed = await api('DELETE', `${tickets}/0/stages/4`);
    expect(closed.body.subCategory).toBe('PipelineError.MISSING_CLOSED_STAGE');
  });

  it('are the only valid ones for records', async () => {
    const objects = '/crm/objects/2026-09/deals';
    const create = (properties: object) =>
      api('POST', objects, { properties: { dealname: 'D', ...properties } });
    for (const properties of [
      { pipeline: 'nowhere', dealstage: 'closedwon' },
      { pipeline: 'default', dealstage: 'nowhere' },
    ]) {
      expect((await create(properties)).body.errors[0].code).toBe('INVALID_OPTION');
    }
    expect((await create({ pipeline: 'default', dealstage: 'closedwon' })).status).toBe(201);
    const moved = await api('PATCH', `${objects}/401`, { properties: { dealstage: '1' } });
    expect(moved.status).toBe(400);
  });
});
