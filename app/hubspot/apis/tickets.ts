import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { createCrmObjects, createMerge } from './objects.ts';
import { createPipelinesApi } from './pipelines.ts';

const PROPERTIES = ['subject', 'content', 'hs_pipeline', 'hs_pipeline_stage', 'hs_ticket_priority'];

/** @see https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide */
export function createTicketsApi(send: Send, paths = apiPaths) {
  const type = { path: `${paths.objects.path}/tickets`, properties: PROPERTIES };
  const pipelines = createPipelinesApi(send, paths);

  return {
    ...createCrmObjects(send, type),
    merge: createMerge(send, type),

    /**
     * The properties that move a ticket to a stage, by id or label. The pipeline is optional if only one pipeline has
     * such a stage.
     * @throws {AppError} naming the choices when no stage or several stages match.
     */
    async inStage(
      stage: string,
      pipeline?: string,
    ): Promise<{ hs_pipeline: string; hs_pipeline_stage: string }> {
      const found = await pipelines.findStage('tickets', stage, pipeline);
      return { hs_pipeline: found.pipeline.id, hs_pipeline_stage: found.stage.id };
    },
  };
}
