import { Router } from 'express';
import { z } from 'zod';
import { ApiError, validationError } from './api-error.ts';
import { newAssociation } from './association-writes.ts';
import { answerBatch, type BatchError, batchError } from './batch-answer.ts';
import type { Scoped } from './crm-scope.ts';
import { recordBody, type SimplePublicObject, writtenBody } from './record-body.ts';
import { checkIdProperty, createRecord, existingRecord, updateRecord } from './record-writes.ts';
import { flag, parseInput, propertyValues } from './request-input.ts';

const traced = z.object({ objectWriteTraceId: z.string().optional() });
const createInput = traced.extend({
  properties: propertyValues,
  associations: z.array(newAssociation).default([]),
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
    if (idProperty !== undefined) checkIdProperty(scope, idProperty);
    const found = inputs.map(({ id }) => {
      const record = scope.crm.records.find(scope.portalId, scope.type, id, idProperty);
      return record && (record.archivedAt !== undefined) === archived ? record : undefined;
    });
    const missing = inputs.filter((_, index) => !found[index]).map(({ id }) => id);
    const results = [...new Set(found.filter((record) => record !== undefined))];
    const errors = missing.length > 0 ? [missingError(missing)] : [];
    const bodies = results.map((record) => recordBody(scope.crm.properties, record, shown));
    answerBatch(res, 200, bodies, errors);
  });

  router.post('/create', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { results, errors } = writeEach(inputsOf(createInput, req.body), (input) => {
      const record = createRecord(scope, input.properties, input.associations);
      return writtenBody(scope.crm.properties, record, record.properties);
    });
    answerBatch(res, 201, results, errors);
  });

  router.post('/update', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { results, errors } = writeEach(
      inputsOf(writeInput, req.body),
      ({ id, idProperty, properties }) => {
        const record = updateRecord(scope, existingRecord(scope, id, idProperty), properties);
        return writtenBody(scope.crm.properties, record, record.properties);
      },
    );
    answerBatch(res, 200, results, errors);
  });

  router.post('/upsert', (req, res) => {
    const scope = scoped(req, res, 'write');
    const inputs = inputsOf(upsertInput, req.body);
    // HubSpot's partial success is not for upserts by e-mail address: there the first error fails all.
    const byEmail = inputs.some(({ idProperty }) => idProperty === 'email');
    const { results, errors } = writeEach(
      byEmail ? inputs.map((input) => ({ ...input, objectWriteTraceId: undefined })) : inputs,
      ({ id, idProperty, properties }) => {
        checkIdProperty(scope, idProperty);
        const existing = scope.crm.records.find(scope.portalId, scope.type, id, idProperty);
        const living = existing && existing.archivedAt === undefined ? existing : undefined;
        const record = living
          ? updateRecord(scope, living, properties)
          : createRecord(scope, { [idProperty]: id, ...properties });
        return { ...writtenBody(scope.crm.properties, record, record.properties), new: !living };
      },
    );
    answerBatch(res, 200, results, errors);
  });

  router.post('/archive', (req, res) => {
    const scope = scoped(req, res, 'write');
    for (const { id } of inputsOf(idInput, req.body)) {
      const record = scope.crm.records.find(scope.portalId, scope.type, id);
      if (record && record.archivedAt === undefined) scope.crm.records.archive(record, scope.source);
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

/**
 * Writes one input after the other. Inputs with an `objectWriteTraceId` fail alone; without it the
 * first failure is the answer to the whole request, as at HubSpot.
 */
function writeEach<T extends TracedInput>(inputs: readonly T[], write: (input: T) => SimplePublicObject) {
  const results: SimplePublicObject[] = [];
  const errors: BatchError[] = [];
  for (const input of inputs) {
    const { objectWriteTraceId } = input;
    try {
      results.push({ ...write(input), ...(objectWriteTraceId !== undefined && { objectWriteTraceId }) });
    } catch (error) {
      if (objectWriteTraceId === undefined || !(error instanceof ApiError)) throw error;
      errors.push(batchError(error, { objectWriteTraceId: [objectWriteTraceId] }));
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
