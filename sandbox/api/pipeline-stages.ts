import { type Request, type Response, Router } from 'express';
import type { SandboxContext } from '../context.ts';
import type { PipelineStage } from '../state/pipelines.ts';
import { notFound, validationError } from './api-error.ts';
import type { Access } from './crm-scope.ts';
import {
  auditAnswer,
  checkedMetadata,
  checkStages,
  stageAnswer,
  stageBody,
  stageInput,
  stagePatch,
} from './pipeline-input.ts';
import type { PipelineScope } from './pipeline-scope.ts';
import { parseInput } from './request-input.ts';
import { refuseUsedStages } from './stage-references.ts';

/** The stages of one pipeline: `…/{pipelineId}/stages`. */
export function pipelineStageRoutes(
  { pipelines }: SandboxContext,
  existing: (req: Request, res: Response, access: Access) => PipelineScope,
): Router {
  const routes = Router({ mergeParams: true });

  routes.get('/', (req, res) => {
    res.json({ results: existing(req, res, 'read').pipeline.stages.map(stageAnswer) });
  });

  routes.post('/', (req, res) => {
    const scope = existing(req, res, 'write');
    const { stageId = pipelines.newId(), metadata, ...input } = parseInput(stageInput, req.body);
    const all = pipelines.list(scope.portalId, scope.type).flatMap(({ stages }) => stages);
    if (all.some(({ id }) => id === stageId))
      throw validationError(`There is a stage with the id ${stageId}.`);
    const now = Date.now();
    const stage = {
      id: stageId,
      ...input,
      metadata: checkedMetadata(scope.use, metadata),
      createdAt: now,
      updatedAt: now,
    };
    save(scope, [...scope.pipeline.stages, stage], 'CREATE', stage);
    res.status(201).json(stageAnswer(stage));
  });

  routes.get('/:stageId', (req, res) => {
    res.json(stageAnswer(stageOf(existing(req, res, 'read'), req)));
  });

  routes.get('/:stageId/audit', (req, res) => {
    const scope = existing(req, res, 'read');
    const { id } = stageOf(scope, req);
    const entries = pipelines.audit(scope.portalId, scope.type, id);
    res.json({ results: entries.map(auditAnswer(scope.portalId)) });
  });

  routes.put('/:stageId', (req, res) => {
    change(req, res, parseInput(stageBody, req.body));
  });

  routes.patch('/:stageId', (req, res) => {
    change(req, res, parseInput(stagePatch, req.body));
  });

  routes.delete('/:stageId', (req, res) => {
    const scope = existing(req, res, 'write');
    const stage = scope.pipeline.stages.find(({ id }) => id === req.params.stageId);
    if (stage) {
      refuseUsedStages(scope, req, [stage]);
      const rest = scope.pipeline.stages.filter((other) => other !== stage);
      save(scope, rest, 'DELETE', stage);
    }
    // Deleting a missing stage succeeds, as at HubSpot.
    res.status(204).end();
  });

  /** Omitted metadata is kept, for PUT as well as for PATCH. */
  function change(
    req: Request,
    res: Response,
    {
      metadata = {},
      ...values
    }: { label?: string; displayOrder?: number; metadata?: Record<string, string> },
  ) {
    const scope = existing(req, res, 'write');
    const stage = stageOf(scope, req);
    const changed: PipelineStage = {
      ...stage,
      ...values,
      metadata: checkedMetadata(scope.use, { ...stage.metadata, ...metadata }),
      updatedAt: Date.now(),
    };
    const stages = scope.pipeline.stages.map((other) => (other === stage ? changed : other));
    save(scope, stages, 'UPDATE', changed);
    res.json(stageAnswer(changed));
  }

  function save(
    { portalId, type, use, pipeline }: PipelineScope,
    stages: PipelineStage[],
    action: 'CREATE' | 'UPDATE' | 'DELETE',
    stage: PipelineStage,
  ) {
    checkStages(use, stages);
    pipelines.save(portalId, type, { ...pipeline, stages, updatedAt: Date.now() }, 'UPDATE');
    pipelines.note(portalId, type, action, stage);
  }

  return routes;
}

function stageOf({ pipeline }: PipelineScope, req: Request): PipelineStage {
  const found = pipeline.stages.find(({ id }) => id === req.params.stageId);
  if (!found) throw notFound(`The pipeline ${pipeline.id} has no stage with the id ${req.params.stageId}.`);
  return found;
}
