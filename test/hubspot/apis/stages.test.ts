import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

const open = { label: 'Open', displayOrder: 0, metadata: { probability: '0.5' } };
const won = { label: 'Closed Won', displayOrder: 1, metadata: { probability: '1.0' } };

describe('pipelines and stages', () => {
  let world: CrmWorld;
  let hubspot: CrmWorld['hubspot'];
  beforeAll(async () => {
    world = await startCrmWorld();
    hubspot = world.hubspot;
  });
  afterAll(() => world.close());

  it('accept the labels of pipelines and stages', async () => {
    expect(await hubspot.deals.inStage(' contract sent ', 'Sales Pipeline')).toEqual({
      pipeline: 'default',
      dealstage: 'contractsent',
    });
    expect(await hubspot.deals.inStage('contractsent')).toEqual({
      pipeline: 'default',
      dealstage: 'contractsent',
    });
    const { id } = await hubspot.tickets.create({
      subject: 'Placed',
      ...(await hubspot.tickets.inStage('Waiting on us')),
    });
    expect((await hubspot.tickets.get(id)).properties).toMatchObject({
      hs_pipeline: '0',
      hs_pipeline_stage: '3',
    });
  });

  it('list the choices for an unknown stage or pipeline', async () => {
    await expect(hubspot.deals.inStage('Sent')).rejects.toMatchObject({
      code: 'unknown_stage',
      message: expect.stringContaining('Contract Sent (contractsent)'),
    });
    await expect(hubspot.deals.inStage('Closed Won', 'Sales')).rejects.toMatchObject({
      message: expect.stringContaining('Sales Pipeline (default)'),
    });
  });

  it('require the pipeline when several have such a stage', async () => {
    const made = await hubspot.pipelines.create('deals', {
      label: '更新',
      displayOrder: 1,
      stages: [open, won],
    });
    await expect(hubspot.deals.inStage('closed won')).rejects.toMatchObject({
      code: 'unknown_stage',
      message: expect.stringContaining('更新'),
    });
    const placed = await hubspot.deals.inStage('closed won', '更新');
    expect(placed.pipeline).toBe(made.id);
    await hubspot.pipelines.delete('deals', made.id);
  });

  it('are renamed, and deleted when they contain no records', async () => {
    const { pipelines } = hubspot;
    const made = await pipelines.create('deals', { label: 'Partners', displayOrder: 2, stages: [open, won] });
    expect(await pipelines.update('deals', made.id, { label: 'Resellers' })).toMatchObject({
      label: 'Resellers',
    });
    const stage = await pipelines.stages.create('deals', made.id, { ...open, label: 'Legal' });
    const deal = await hubspot.deals.create({ dealname: 'Kept', pipeline: made.id, dealstage: stage.id });
    await expect(pipelines.delete('deals', made.id)).rejects.toMatchObject({ status: 400 });
    expect((await pipelines.get('deals', made.id)).stages).toHaveLength(3);
    expect((await pipelines.changes('deals', made.id))[0]).toMatchObject({ identifier: made.id });
    await hubspot.deals.archive(deal.id);
    await pipelines.delete('deals', made.id);
    await expect(pipelines.get('deals', made.id)).rejects.toMatchObject({ status: 404 });
  });
});
