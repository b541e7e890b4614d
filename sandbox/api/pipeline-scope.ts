import type { PipelineUse } from '../state/object-types.ts';
import type { Pipeline } from '../state/pipelines.ts';
import type { WriteScope } from './write-scope.ts';

/** An existing pipeline, and how its object type uses pipelines. */
export interface PipelineScope extends WriteScope {
  use: PipelineUse;
  pipeline: Pipeline;
}
