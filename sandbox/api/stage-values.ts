import type { CrmRecord } from '../state/record.ts';
import type { PropertyProblem } from './api-error.ts';
import type { WriteScope } from './write-scope.ts';

/** The problem with the pipeline and stage of a write: the stage must belong to the pipeline. */
export function stageProblems(
  { crm, portalId, type }: WriteScope,
  values: Record<string, string>,
  record: CrmRecord | undefined,
): PropertyProblem[] {
  if (!type.pipelines) return [];
  const { pipelineProperty, stageProperty } = type.pipelines;
  if (values[pipelineProperty] === undefined && values[stageProperty] === undefined) return [];

  const all = crm.pipelines.list(portalId, type);
  const pipelineId = values[pipelineProperty] ?? record?.properties[pipelineProperty];
  const pipeline = all.find(({ id }) => id === pipelineId);
  if (pipelineId && !pipeline) return [notAllowed(pipelineProperty, pipelineId, all)];

  const stageId = values[stageProperty] ?? record?.properties[stageProperty];
  const stages = pipeline?.stages ?? all.flatMap((one) => one.stages);
  return stageId && !stages.some(({ id }) => id === stageId)
    ? [notAllowed(stageProperty, stageId, stages)]
    : [];
}

function notAllowed(name: string, value: string, allowed: readonly { id: string }[]): PropertyProblem {
  const ids = allowed.map(({ id }) => id).join(', ');
  return {
    name,
    code: 'INVALID_OPTION',
    message: `${value} was not one of the allowed options: [${ids}]`,
  };
}
