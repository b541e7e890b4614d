import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { ApiError, type ErrorDetail, validationError } from './api-error.ts';
import { recordBody, type SimplePublicObject, writtenBody } from './record-body.ts';
import {
  checkIdProperty,
  createRecord,
  existingRecord,
  updateRecord,
  type WriteScope,
} from './record-writes.ts';
import { flag, parseInput, propertyValues } from './request-input.ts';

export type Scoped = (req: Request, res: Response, access: 'read' | 'write') => WriteScope;

const traced = z.object({ objectWriteTraceId: z.string().optional() });
const createInput = traced.extend({
  properties: propertyValues,
  associations: z.array(z.unknown()).default([]),
});
const writeInput = traced.extend({
  id: z.string(),
  idProperty: z.string().optional(),
  properties: propertyValues,
});
const upsertInput = writeInput.extend({ idProperty: z.string() });
const idInput = z.object({ id: z.string() });
const readExtras = z.object({
  properties: z.array(z.string()).default([]),
  propertiesWithHistory: z.array(z.string()).default([]),
  idProperty: z.string().optional(),
});

type TracedInput = z.infer<typeof traced>;

/** `/batch/{read,create,update,upsert,archive}` of one object type. */
export function batchRoutes(scoped: Scoped): Router {
  const router = Router({ mergeParams: true });

  router.post('/read', (req, res) => {
    const scope = scoped(req, res, 'read');
    const { archived } = parseInput(z.object({ archived: flag }), req.query);
    const inputs = inputsOf(idInput, req.body);
    const { idProperty, ...shown } = parseInput(readExtras, req.body);
    if (idProperty !== undefined) checkIdProperty(scope.type, idProperty);
    const found = inputs.map(({ id }) => {
      const record = scope.records.find(scope.portalId, scope.type, id, idProperty);
      return record && (record.archivedAt !== undefined) === archived ? record : undefined;
    });
    const missing = inputs.filter((_, index) => !found[index]).map(({ id }) => id);
    const results = [...new Set(found.filter((record) => record !== undefined))];
    const errors = missing.length > 0 ? [missingError(missing)] : [];
    answer(
      res,
      200,
      results.map((record) => recordBody(record, shown)),
      errors,
    );
  });

  router.post('/create', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { results, errors } = writeEach(inputsOf(createInput, req.body), ({ properties }) => {
      const record = createRecord(scope, properties);
      return writtenBody(record, record.properties);
    });
    answer(res, 201, results, errors);
  });

  router.post('/update', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { results, errors } = writeEach(
      inputsOf(writeInput, req.body),
      ({ id, idProperty, properties }) => {
        const record = updateRecord(scope, existingRecord(scope, id, idProperty), properties);
        return writtenBody(record, record.properties);
      },
    );
    answer(res, 200, results, errors);
  });

  router.post('/upsert', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { results, errors } = writeEach(
      inputsOf(upsertInput, req.body),
      ({ id, idProperty, properties }) => {
        checkIdProperty(scope.type, idProperty);
        const existing = scope.records.find(scope.portalId, scope.type, id, idProperty);
        const living = existing && existing.archivedAt === undefined ? existing : undefined;
        const record = living
          ? updateRecord(scope, living, properties)
          : createRecord(scope, { [idProperty]: id, ...properties });
        return { ...writtenBody(record, record.properties), new: !living };
      },
    );
    answer(res, 200, results, errors);
  });

  router.post('/archive', (req, res) => {
    const scope = scoped(req, res, 'write');
    for (const { id } of inputsOf(idInput, req.body)) {
      const record = scope.records.find(scope.portalId, scope.type, id);
      if (record && record.archivedAt === undefined) scope.records.archive(record, scope.source);
    }
    res.status(204).end();
  });

  return router;
}

function inputsOf<T>(input: z.ZodType<T>, body: unknown): T[] {
  const { inputs } = parseInput(z.object({ inputs: z.array(input).min(1) }), body);
  if (inputs.length > 100) {
    throw validationError(`The maximum batch size is 100, but ${inputs.length} inputs were sent.`);
  }
  return inputs;
}

interface BatchError {
  status: 'error';
  category: string;
  message: string;
  context: Record<string, string[]>;
  errors: ErrorDetail[];
  links: Record<string, string>;
}

/**
 * Writes one input after the other. Inputs with an `objectWriteTraceId` fail alone; without it the
 * first failure is the answer to the whole request, as at HubSpot.
 */
function writeEach<T extends TracedInput>(inputs: T[], write: (input: T) => SimplePublicObject) {
  const results: SimplePublicObject[] = [];
  const errors: BatchError[] = [];
  for (const input of inputs) {
    const { objectWriteTraceId } = input;
    try {
      results.push({ ...write(input), ...(objectWriteTraceId !== undefined && { objectWriteTraceId }) });
    } catch (error) {
      if (objectWriteTraceId === undefined || !(error instanceof ApiError)) throw error;
      const { category, message, fields } = error;
      const context = { objectWriteTraceId: [objectWriteTraceId] };
      errors.push({ status: 'error', category, message, context, errors: fields.errors ?? [], links: {} });
    }
  }
  return { results, errors };
}

function missingError(ids: string[]): BatchError {
  return {
    status: 'error',
    category: 'OBJECT_NOT_FOUND',
    message: 'Could not get some CRM objects, they may be deleted or not exist. Check that ids are valid.',
    context: { ids },
    errors: [],
    links: {},
  };
}

function answer(res: Response, status: number, results: SimplePublicObject[], errors: BatchError[]) {
  const now = new Date().toISOString();
  const partial = errors.length > 0 ? { numErrors: errors.length, errors } : {};
  const body = { status: 'COMPLETE', results, startedAt: now, completedAt: now, ...partial };
  res.status(errors.length > 0 ? 207 : status).json(body);
}
