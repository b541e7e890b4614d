import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { createCrmObjects, createMerge } from './objects.ts';
import { createPipelinesApi } from './pipelines.ts';

const PROPERTIES = ['dealname', 'amount', 'closedate', 'pipeline', 'dealstage', 'hubspot_owner_id'];

/** @see https://developers.hubspot.com/docs/api-reference/crm-deals-v3/guide */
export function createDealsApi(send: Send, paths = apiPaths) {
  // HubSpot's descriptions use the type id for deals in every version; the name works as well.
  const type = { path: `${paths.objects.path}/0-3`, properties: PROPERTIES };
  const pipelines = createPipelinesApi(send, paths);

  return {
    ...createCrmObjects(send, type),
    merge: createMerge(send, type),

    /**
     * The properties that move a deal to a stage, by id or label: `create({ dealname, ...(await inStage('Contract
     * Sent')) })`. The pipeline is optional if only one pipeline has such a stage.
     * @throws {AppError} naming the choices when no stage or several stages match.
     */
    async inStage(stage: string, pipeline?: string): Promise<{ pipeline: string; dealstage: string }> {
      const found = await pipelines.findStage('deals', stage, pipeline);
      return { pipeline: found.pipeline.id, dealstage: found.stage.id };
    },
  };
}
