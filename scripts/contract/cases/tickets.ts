import type { Cases } from '../world.ts';
import { objectCases } from './objects.ts';

export const ticketCases: Cases = {
  ...objectCases('tickets', {
    create: { subject: '新しいチケット', hs_pipeline: '0', hs_pipeline_stage: '1' },
    change: { content: '内容' },
    toContact: 16,
  }),

  'creates tickets in a stage given by name and merges them': async ({ services }) => {
    const stage = await services.tickets.inStage('New');
    const { id } = await services.tickets.create({ subject: 'Named', ...stage });
    await services.tickets.merge('501', id);
  },
};
