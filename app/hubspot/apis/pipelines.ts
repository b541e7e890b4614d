import { z } from 'zod';
import { AppError } from '../../base/errors.ts';
import { readAnswer } from '../client/answer.ts';
import type { HubSpotRequest, Send } from '../client/http.ts';
import { pathPart } from '../client/path-part.ts';
import { apiPaths } from '../versions.ts';

const stage = z.object({
  id: z.string(),
  label: z.string(),
  displayOrder: z.number(),
  metadata: z.record(z.string(), z.string()),
});
const pipeline = z.object({
  id: z.string(),
  label: z.string(),
  displayOrder: z.number(),
  stages: z.array(stage),
});
const change = z.object({
  action: z.string(),
  identifier: z.string(),
  timestamp: z.string().optional(),
  fromUserId: z.number().optional(),
});

export type Pipeline = z.output<typeof pipeline>;
export type PipelineStage = z.output<typeof stage>;

export interface NewStage {
  readonly label: string;
  readonly displayOrder: number;
  /** Deals require `probability` from "0.0" to "1.0"; tickets accept `ticketState` OPEN or CLOSED. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly stageId?: string;
}

export interface NewPipeline {
  readonly label: string;
  readonly displayOrder: number;
  readonly stages: readonly NewStage[];
  readonly pipelineId?: string;
}

/**
 * Pipelines of `deals`, `tickets` and other types, and their stages.
 * @see https://developers.hubspot.com/docs/api-reference/crm-pipelines-v3/guide
 */
export function createPipelinesApi(send: Send, paths = apiPaths) {
  const pathOf = (...parts: string[]) => [paths.pipelines.path, ...parts.map(pathPart)].join('/');
  const ask = async <T extends z.ZodType>(schema: T, request: HubSpotRequest) =>
    readAnswer(schema, await send(request), request);
  const askAll = async <T extends z.ZodType>(schema: T, path: string) =>
    (await ask(z.object({ results: z.array(schema) }), { method: 'GET', path })).results;
  // HubSpot rejects a deletion that would leave records without a stage.
  const safely = { validateReferencesBeforeDelete: true };

  return {
    list: (objectType: string) => askAll(pipeline, pathOf(objectType)),

    get: (objectType: string, id: string) => ask(pipeline, { method: 'GET', path: pathOf(objectType, id) }),

    create: (objectType: string, json: NewPipeline) =>
      ask(pipeline, { method: 'POST', path: pathOf(objectType), json }),

    /** Changes the label or the display order and keeps the stages. */
    update: (objectType: string, id: string, json: Partial<Pick<NewPipeline, 'label' | 'displayOrder'>>) =>
      ask(pipeline, { method: 'PATCH', path: pathOf(objectType, id), json, idempotent: true }),

    /** Replaces the pipeline. Stages that are not given are deleted, unless they contain records. */
    replace: (objectType: string, id: string, json: Omit<NewPipeline, 'pipelineId'>) =>
      ask(pipeline, { method: 'PUT', path: pathOf(objectType, id), json, query: safely }),

    /** HubSpot rejects it while records are in the pipeline. */
    async delete(objectType: string, id: string): Promise<void> {
      await send({ method: 'DELETE', path: pathOf(objectType, id), query: safely });
    },

    /** Changes of the pipeline, newest first. */
    changes: (objectType: string, id: string) => askAll(change, pathOf(objectType, id, 'audit')),

    stages: {
      list: (objectType: string, id: string) => askAll(stage, pathOf(objectType, id, 'stages')),

      get: (objectType: string, id: string, stageId: string) =>
        ask(stage, { method: 'GET', path: pathOf(objectType, id, 'stages', stageId) }),

      create: (objectType: string, id: string, json: NewStage) =>
        ask(stage, { method: 'POST', path: pathOf(objectType, id, 'stages'), json }),

      /** Changes the given fields; HubSpot always requires the metadata. */
      update: (
        objectType: string,
        id: string,
        stageId: string,
        json: Pick<NewStage, 'metadata'> & Partial<Pick<NewStage, 'label' | 'displayOrder'>>,
      ) =>
        ask(stage, {
          method: 'PATCH',
          path: pathOf(objectType, id, 'stages', stageId),
          json,
          idempotent: true,
        }),

      replace: (objectType: string, id: string, stageId: string, json: Omit<NewStage, 'stageId'>) =>
        ask(stage, { method: 'PUT', path: pathOf(objectType, id, 'stages', stageId), json }),

      async delete(objectType: string, id: string, stageId: string): Promise<void> {
        await send({ method: 'DELETE', path: pathOf(objectType, id, 'stages', stageId) });
      },

      changes: (objectType: string, id: string, stageId: string) =>
        askAll(change, pathOf(objectType, id, 'stages', stageId, 'audit')),
    },

    /**
     * Finds a stage by id or label, in the given pipeline (id or label) or in any.
     * @throws {AppError} naming the choices when no stage or several stages match.
     */
    async findStage(
      objectType: string,
      wanted: string,
      inPipeline?: string,
    ): Promise<{ pipeline: Pipeline; stage: PipelineStage }> {
      const all = await askAll(pipeline, pathOf(objectType));
      const searched = inPipeline === undefined ? all : named(all, inPipeline);
      if (searched.length === 0) {
        throw unknownStage(`There is no pipeline "${inPipeline}" of ${objectType}`, all);
      }
      const stages = searched.flatMap((it) => it.stages);
      const candidates = new Set(named(stages, wanted));
      const holders = searched.filter((it) => it.stages.some((stage) => candidates.has(stage)));
      const [holder] = holders;
      const found = holder?.stages.find((stage) => candidates.has(stage));
      if (!holder || !found) throw unknownStage(`There is no stage "${wanted}" of ${objectType}`, stages);
      if (candidates.size > 1) {
        throw unknownStage(`Several pipelines have a stage "${wanted}"; name the pipeline`, holders);
      }
      return { pipeline: holder, stage: found };
    },
  };
}

/** Those with this id, otherwise those with this label. */
function named<T extends { id: string; label: string }>(all: readonly T[], wanted: string): T[] {
  const byId = all.filter(({ id }) => id === wanted);
  if (byId.length > 0) return byId;
  const text = wanted.trim().toLowerCase();
  return all.filter(({ label }) => label.trim().toLowerCase() === text);
}

const unknownStage = (problem: string, choices: readonly { id: string; label: string }[]) =>
  new AppError(
    400,
    'unknown_stage',
    `${problem}. There are: ${choices.map(({ id, label }) => `${label} (${id})`).join(', ')}.`,
  );
