import { Router } from 'express';
import { z } from 'zod';
import { ApiError, validationError } from './api-error.ts';
import { newAssociation } from './association-writes.ts';
import { answerBatch, type BatchError, batchError } from './batch-answer.ts';
import type { Scoped } from './crm-scope.ts';
import { MAX_HISTORIES, recordBody, type SimplePublicObject, writtenBody } from './record-body.ts';
import {
  alreadyExists,
  checkIdProperty,
  existingRecord,
  type PlannedWrite,
  planCreate,
  planUpdate,
} from './record-writes.ts';
import { flag, parseInput, propertyValues } from './request-input.ts';
import type { WriteScope } from './write-scope.ts';

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
    if (shown.propertiesWithHistory.length > 0 && inputs.length > MAX_HISTORIES) {
      throw validationError(
        `The maximum number of inputs supported in a batch request for property histories is ${MAX_HISTORIES}.`,
      );
    }
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
    const { results, errors } = writeAll(scope, inputsOf(createInput, req.body), (input) =>
      planCreate(scope, input.properties, input.associations),
    );
    answerBatch(res, 201, results, errors);
  });

  router.post('/update', (req, res) => {
    const scope = scoped(req, res, 'write');
    const inputs = inputsOf(writeInput, req.body);
    refuseTwice(scope, inputs);
    const { results, errors } = writeAll(scope, inputs, ({ id, idProperty, properties }) =>
      planUpdate(scope, existingRecord(scope, id, idProperty), properties),
    );
    answerBatch(res, 200, results, errors);
  });

  router.post('/upsert', (req, res) => {
    const scope = scoped(req, res, 'write');
    const inputs = inputsOf(upsertInput, req.body);
    refuseTwice(scope, inputs);
    // Upserts by e-mail address have no partial success: the first error fails the whole request.
    const byEmail = inputs.some(({ idProperty }) => idProperty === 'email');
    const { results, errors } = writeAll(
      scope,
      byEmail ? inputs.map((input) => ({ ...input, objectWriteTraceId: undefined })) : inputs,
      ({ id, idProperty, properties }) => {
        checkIdProperty(scope, idProperty);
        const existing = scope.crm.records.find(scope.portalId, scope.type, id, idProperty);
        return existing && existing.archivedAt === undefined
          ? { ...planUpdate(scope, existing, properties), answer: { new: false } }
          : { ...planCreate(scope, { [idProperty]: id, ...properties }), answer: { new: true } };
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

/** Throws 400 when two inputs are about the same record: HubSpot rejects such a batch, also with trace ids. */
function refuseTwice(
  { crm, portalId, type }: WriteScope,
  inputs: readonly { id: string; idProperty?: string | undefined }[],
): void {
  const seen = new Set<string>();
  const twice = inputs.filter(({ id, idProperty = 'hs_object_id' }) => {
    const record = crm.records.find(portalId, type, id, idProperty);
    const subject = record?.id ?? `${idProperty}=${id.toLowerCase()}`;
    if (seen.has(subject)) return true;
    seen.add(subject);
    return false;
  });
  if (twice.length === 0) return;
  const ids = [...new Set(twice.map(({ id }) => id))];
  const message = `Duplicate IDs found in batch input: [${ids.join(', ')}]. IDs must be unique`;
  throw new ApiError(400, 'VALIDATION_ERROR', message, { context: { ids } });
}

interface BatchWrite extends PlannedWrite {
  /** Fields of the response besides the record. */
  readonly answer?: object;
}

/**
 * Validates every input, then writes. Inputs with an `objectWriteTraceId` fail alone; the failure of one without it
 * fails the whole request, of which nothing is written then, as at HubSpot.
 */
function writeAll<T extends TracedInput>(
  { crm, type }: WriteScope,
  inputs: readonly T[],
  plan: (input: T) => BatchWrite,
) {
  const results: SimplePublicObject[] = [];
  const errors: BatchError[] = [];
  const taken = new Set<string>();

  function alone<R>({ objectWriteTraceId }: TracedInput, work: () => R): R | undefined {
    try {
      return work();
    } catch (error) {
      if (objectWriteTraceId === undefined || !(error instanceof ApiError)) throw error;
      errors.push(batchError(error, { objectWriteTraceId: [objectWriteTraceId] }));
      return undefined;
    }
  }

  const planned = inputs.map((input) => {
    const write = alone(input, () => {
      const allowed = plan(input);
      if (allowed.takes.some((value) => taken.has(value))) throw alreadyExists(type);
      return allowed;
    });
    for (const value of write?.takes ?? []) taken.add(value);
    return { input, write };
  });
  for (const { input, write } of planned) {
    const record = write && alone(input, write.write);
    if (!record) continue;
    const { objectWriteTraceId } = input;
    results.push({
      ...writtenBody(crm.properties, record, record.properties),
      ...write.answer,
      ...(objectWriteTraceId !== undefined && { objectWriteTraceId }),
    });
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
