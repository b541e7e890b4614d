import { z } from 'zod';
import type { PipelineUse } from '../state/object-types.ts';
import type { AuditEntry, Pipeline, PipelineStage } from '../state/pipelines.ts';
import { ApiError, validationError } from './api-error.ts';

const displayOrder = z.number().int().min(0);
const label = z.string().trim().min(1);
/** Numbers are accepted too: HubSpot's own sample sends `{"probability": 0.5}`. */
const metadata = z.record(z.string(), z.union([z.string(), z.number()]).transform(String));

export const stageBody = z.object({ label, displayOrder, metadata });
export const stageInput = stageBody.extend({ stageId: z.string().min(1).max(100).optional() });
export const stagePatch = stageBody.partial();
export const pipelineBody = z.object({ label, displayOrder, stages: z.array(stageInput) });
export const pipelineInput = pipelineBody.extend({ pipelineId: z.string().min(1).max(36).optional() });
export const pipelinePatch = z.object({ label, displayOrder, archived: z.never() }).partial();

export const MAX_STAGES = 100;

/** The metadata as HubSpot stores it; unknown keys are dropped. Throws 400 for invalid values. */
export function checkedMetadata(
  { stageMetadata }: PipelineUse,
  given: Record<string, string>,
): Record<string, string> {
  if (stageMetadata === 'ticketState') {
    const { ticketState = 'OPEN' } = given;
    if (!['OPEN', 'CLOSED'].includes(ticketState)) {
      throw stageError('INVALID_PIPELINE_STAGE_METADATA', `ticketState must be OPEN or CLOSED.`);
    }
    return { ticketState };
  }
  const { probability } = given;
  if (probability === undefined || probability.trim() === '') {
    throw stageError(
      'INVALID_PIPELINE_STAGE_METADATA',
      'You must specify probability when writing a dealstage.',
    );
  }
  const value = Number(probability);
  if (!(value >= 0 && value <= 1)) {
    throw stageError('INVALID_PIPELINE_STAGE_METADATA', 'probability must be between 0.0 and 1.0.');
  }
  return { probability: Number.isInteger(value) ? value.toFixed(1) : String(value) };
}

/** Constraints for all stages of a pipeline together. */
export function checkStages({ stageMetadata }: PipelineUse, stages: readonly PipelineStage[]): void {
  if (stages.length === 0) throw validationError('Pipeline must have at least one stage.');
  if (stages.length > MAX_STAGES) {
    throw validationError(`A pipeline has at most ${MAX_STAGES} stages.`);
  }
  const repeated = firstRepeated(stages.map((stage) => stage.label.toLowerCase()));
  if (repeated) throw stageError('STAGE_LABEL_EXISTS', `Two stages have the label "${repeated}".`);
  const twice = firstRepeated(stages.map(({ id }) => id));
  if (twice) throw stageError('STAGE_ID_EXISTS', `Two stages have the id "${twice}".`);
  if (stageMetadata === 'ticketState' && !stages.some((stage) => stage.metadata.ticketState === 'CLOSED')) {
    throw stageError('MISSING_CLOSED_STAGE', 'A ticket pipeline must have a closed stage.');
  }
}

export function stageError(subCategory: string, message: string, status = 400): ApiError {
  const category = status === 409 ? 'CONFLICT' : 'VALIDATION_ERROR';
  return new ApiError(status, category, message, { subCategory: `PipelineError.${subCategory}` });
}

/** SPEC `Pipeline`. */
export function pipelineAnswer({ stages, createdAt, updatedAt, ...pipeline }: Pipeline) {
  return {
    ...pipeline,
    stages: stages.map(stageAnswer),
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    archived: false,
  };
}

/** SPEC `PipelineStage`. HubSpot determines whether a stage is closed. */
export function stageAnswer({ createdAt, updatedAt, metadata: kept, ...stage }: PipelineStage) {
  const closed = kept.ticketState === 'CLOSED' || ['0.0', '1.0'].includes(kept.probability ?? '');
  return {
    ...stage,
    metadata: { isClosed: String(closed), ...kept },
    writePermissions: 'CRM_PERMISSIONS_ENFORCEMENT',
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    archived: false,
  };
}

/** SPEC `PublicAuditInfo`. */
export function auditAnswer(portalId: number) {
  return ({ timestamp, ...entry }: AuditEntry) => {
    return { portalId, ...entry, timestamp: new Date(timestamp).toISOString() };
  };
}

function firstRepeated(values: readonly string[]): string | undefined {
  return values.find((value, index) => values.indexOf(value) !== index);
}
