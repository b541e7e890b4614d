import { type Request, type Response, Router } from 'express';
import type { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { PipelineUse } from '../state/object-types.ts';
import type { Pipeline, PipelineStage } from '../state/pipelines.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { type Access, schemaScope } from './crm-scope.ts';
import {
  auditAnswer,
  checkedMetadata,
  checkStages,
  pipelineAnswer,
  pipelineBody,
  pipelineInput,
  pipelinePatch,
  stageError,
  type stageInput,
} from './pipeline-input.ts';
import type { PipelineScope } from './pipeline-scope.ts';
import { pipelineStageRoutes } from './pipeline-stages.ts';
import { parseInput } from './request-input.ts';
import { refuseUsedStages } from './stage-references.ts';

const bases = ['/crm/v3/pipelines', '/crm/pipelines/2026-03', '/crm/pipelines/2026-09'];

/** Pipelines of deals and tickets, for both versions of paths. */
export function pipelinesApi(ctx: SandboxContext): Router {
  const { pipelines } = ctx;
  const scoped = schemaScope(ctx);
  const routes = Router({ mergeParams: true });

  routes.get('/', (req, res) => {
    const { portalId, type } = scoped(req, res, 'read');
    res.json({ results: pipelines.list(portalId, type).map(pipelineAnswer) });
  });

  routes.post('/', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { portalId, type } = scope;
    if (!type.pipelines) throw validationError(`The sandbox has no pipelines of ${type.plural}.`);
    const {
      pipelineId = pipelines.newId(),
      label,
      displayOrder,
      stages,
    } = parseInput(pipelineInput, req.body);
    const holder = pipelines.holderOf(portalId, pipelineId);
    if (holder === type) {
      throw validationError(`There's another pipeline of ${type.plural} with pipelineId ${pipelineId}.`);
    }
    if (holder) {
      throw stageError(
        'STAGE_ID_EXISTS_IN_ANOTHER_PIPELINE',
        `The id ${pipelineId} belongs to ${holder.plural}.`,
        409,
      );
    }
    refuseTakenLabel(scope, label);
    const now = Date.now();
    const pipeline: Pipeline = {
      id: pipelineId,
      label,
      displayOrder,
      stages: stages.map((stage) => newStage(type.pipelines, stage)),
      createdAt: now,
      updatedAt: now,
    };
    checkAll(scope, type.pipelines, pipeline);
    pipelines.save(portalId, type, pipeline, 'CREATE');
    res.status(201).json(pipelineAnswer(pipeline));
  });

  routes.get('/:pipelineId', (req, res) => {
    res.json(pipelineAnswer(existing(req, res, 'read').pipeline));
  });

  routes.get('/:pipelineId/audit', (req, res) => {
    const { portalId, type, pipeline } = existing(req, res, 'read');
    res.json({ results: pipelines.audit(portalId, type, pipeline.id).map(auditAnswer(portalId)) });
  });

  routes.put('/:pipelineId', (req, res) => {
    const scope = existing(req, res, 'write');
    const { portalId, type, use, pipeline } = scope;
    const { label, displayOrder, stages } = parseInput(pipelineBody, req.body);
    refuseTakenLabel(scope, label, pipeline.id);
    const kept = stages.map((stage) => {
      const before = pipeline.stages.find(({ id }) => id === stage.stageId);
      return before
        ? { ...newStage(use, stage), id: before.id, createdAt: before.createdAt }
        : newStage(use, stage);
    });
    const replaced = { ...pipeline, label, displayOrder, stages: kept, updatedAt: Date.now() };
    checkAll(scope, use, replaced);
    const gone = pipeline.stages.filter(({ id }) => !kept.some((stage) => stage.id === id));
    refuseUsedStages(scope, req, gone);
    pipelines.save(portalId, type, replaced, 'UPDATE');
    res.json(pipelineAnswer(replaced));
  });

  routes.patch('/:pipelineId', (req, res) => {
    const scope = existing(req, res, 'write');
    const { portalId, type, pipeline } = scope;
    const { label = pipeline.label, displayOrder = pipeline.displayOrder } = parseInput(
      pipelinePatch,
      req.body,
    );
    refuseTakenLabel(scope, label, pipeline.id);
    const changed = { ...pipeline, label, displayOrder, updatedAt: Date.now() };
    pipelines.save(portalId, type, changed, 'UPDATE');
    res.json(pipelineAnswer(changed));
  });

  routes.delete('/:pipelineId', (req, res) => {
    const scope = existing(req, res, 'write');
    const { portalId, type, pipeline } = scope;
    if (pipelines.list(portalId, type).length === 1) {
      throw validationError('The last pipeline cannot be deleted.');
    }
    refuseUsedStages(scope, req, pipeline.stages);
    pipelines.remove(portalId, type, pipeline);
    res.status(204).end();
  });

  routes.use('/:pipelineId/stages', pipelineStageRoutes(ctx, existing));

  function existing(req: Request, res: Response, access: Access): PipelineScope {
    const scope = scoped(req, res, access);
    const id = String(req.params.pipelineId);
    const pipeline = pipelines.find(scope.portalId, scope.type, id);
    if (!pipeline || !scope.type.pipelines) throw notFound(`There is no pipeline with the id ${id}.`);
    return { ...scope, use: scope.type.pipelines, pipeline };
  }

  function refuseTakenLabel(
    { portalId, type }: Pick<PipelineScope, 'portalId' | 'type'>,
    label: string,
    ownId?: string,
  ) {
    const taken = pipelines
      .list(portalId, type)
      .some((other) => other.id !== ownId && other.label.toLowerCase() === label.toLowerCase());
    if (taken) throw validationError(`An active pipeline with label "${label}" already exists.`);
  }

  /** A stage id belongs to one pipeline of a type. */
  function checkAll(
    { portalId, type }: Pick<PipelineScope, 'portalId' | 'type'>,
    use: PipelineUse,
    pipeline: Pipeline,
  ) {
    checkStages(use, pipeline.stages);
    const others = pipelines.list(portalId, type).filter(({ id }) => id !== pipeline.id);
    const foreign = new Set(others.flatMap(({ stages }) => stages.map(({ id }) => id)));
    const taken = pipeline.stages.find(({ id }) => foreign.has(id));
    if (!taken) return;
    throw new ApiError(409, 'CONFLICT', `Another pipeline has the stage id ${taken.id}.`, {
      subCategory: 'PipelineError.STAGE_ID_EXISTS_IN_ANOTHER_PIPELINE',
    });
  }

  function newStage(use: PipelineUse | undefined, stage: z.infer<typeof stageInput>): PipelineStage {
    const now = Date.now();
    return {
      id: stage.stageId ?? pipelines.newId(),
      label: stage.label,
      displayOrder: stage.displayOrder,
      metadata: use ? checkedMetadata(use, stage.metadata) : {},
      createdAt: now,
      updatedAt: now,
    };
  }

  return Router().use(
    bases.map((base) => `${base}/:objectType`),
    routes,
  );
}
