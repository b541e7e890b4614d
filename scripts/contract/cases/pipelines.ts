import { type Cases, refused } from '../world.ts';

const open = { label: 'Open', displayOrder: 0, metadata: { probability: '0.5' } };
const won = { label: 'Won', displayOrder: 1, metadata: { probability: '1.0' } };

export const pipelineCases: Cases = {
  'lists pipelines and finds a stage by name': async ({ services }) => {
    await services.pipelines.list('deals');
    await services.pipelines.list('tickets');
    await services.pipelines.findStage('deals', 'closed won');
  },

  'creates, reads, changes and deletes a pipeline': async ({ services: { pipelines } }) => {
    const pipeline = { label: '更新', displayOrder: 1, stages: [open, won] };
    const { id } = await pipelines.create('deals', pipeline);
    await pipelines.get('deals', id);
    await pipelines.update('deals', id, { label: 'Renewals' });
    await pipelines.replace('deals', id, { ...pipeline, label: 'Renewals', stages: [won] });
    await pipelines.changes('deals', id);
    await pipelines.delete('deals', id);
    await refused(404, pipelines.get('deals', id));
  },

  'creates, reads, changes and deletes a stage': async ({ services: { pipelines } }) => {
    const { stages } = pipelines;
    const { id } = await stages.create('deals', 'default', { ...open, label: 'Legal', displayOrder: 7 });
    await stages.list('deals', 'default');
    await stages.get('deals', 'default', id);
    await stages.update('deals', 'default', id, { label: 'Legal review', metadata: { probability: '0.7' } });
    await stages.replace('deals', 'default', id, { ...open, label: 'Lawyers', displayOrder: 7 });
    await stages.changes('deals', 'default', id);
    await stages.delete('deals', 'default', id);
  },

  'is not let delete a pipeline in which deals stand': ({ services }) =>
    refused(400, services.pipelines.delete('deals', 'default')),
};
