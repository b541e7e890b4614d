import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { createCrmObjects, createMerge } from './objects.ts';
import { createPipelinesApi } from './pipelines.ts';

const PROPERTIES = ['dealname', 'amount', 'closedate', 'pipeline', 'dealstage', 'hubspot_owner_id'];

/** @see https://developers.hubspot.com/docs/api-reference/crm-deals-v3/guide */
export function createDealsApi(send: Send, paths = apiPaths) {
  // HubSpot describes deals by their type id in every version; it knows them by name as well.
  const type = { path: `${paths.objects.path}/0-3`, properties: PROPERTIES };
  const pipelines = createPipelinesApi(send, paths);

  return {
    ...createCrmObjects(send, type),
    merge: createMerge(send, type),

    /**
     * The properties that put a deal into a stage, by id or label: `create({ dealname, ...(await inStage('Contract
     * Sent')) })`. The pipeline may be left out where only one has such a stage.
     * @throws {AppError} that names the choices when there is no such stage or there are several.
     */
    async inStage(stage: string, pipeline?: string): Promise<{ pipeline: string; dealstage: string }> {
      const found = await pipelines.findStage('deals', stage, pipeline);
      return { pipeline: found.pipeline.id, dealstage: found.stage.id };
    },
  };
}
