import type { Request } from 'express';
import { z } from 'zod';
import type { PipelineStage } from '../state/pipelines.ts';
import { ApiError } from './api-error.ts';
import type { PipelineScope } from './pipeline-scope.ts';
import { flag, parseInput } from './request-input.ts';

const flags = z.object({
  validateReferencesBeforeDelete: flag,
  validateDealStageUsagesBeforeDelete: flag,
});

/**
 * Rejects the deletion of stages that contain records. Before 2026-09 a request had to ask for this
 * check; since then HubSpot always does it.
 */
export function refuseUsedStages(
  { crm, portalId, type, use }: PipelineScope,
  req: Request,
  stages: readonly PipelineStage[],
): void {
  const asked = Object.values(parseInput(flags, req.query)).some(Boolean);
  if (!asked && !req.baseUrl.includes('/2026-09/')) return;

  const ids = stages.map(({ id }) => id);
  const users = crm.records
    .list(portalId, type)
    .filter(({ properties }) => ids.includes(properties[use.stageProperty] ?? ''));
  if (users.length === 0) return;
  const used = [...new Set(users.map(({ properties }) => properties[use.stageProperty]))].join(', ');
  const objects = users.map(({ id }) => id).join(', ');
  throw new ApiError(
    400,
    'VALIDATION_ERROR',
    `Stage IDs: [${used}] are being referenced by object IDs: [${objects}]`,
    {
      context: { stageIds: [`[${used}]`], objectIds: [`[${objects}]`] },
      subCategory: 'PipelineError.STAGE_ID_IN_USE',
    },
  );
}
