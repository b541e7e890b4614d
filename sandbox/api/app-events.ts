import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { objectTypeNamed } from '../state/object-types.ts';
import type { QualifiedEventType, TimelineEvent } from '../state/timeline.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { accessOf, apiSource, requireScope } from './bearer.ts';
import { createRecord } from './record-writes.ts';
import { parseInput } from './request-input.ts';

const occurrence = z.object({
  eventTypeName: z.string().min(1),
  id: z.string().min(1),
  properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)),
  objectId: z.string().optional(),
  utk: z.string().optional(),
  email: z.string().optional(),
  domain: z.string().optional(),
  timestamp: z.iso.datetime({ offset: true }).optional(),
  extraData: z.record(z.string(), z.unknown()).optional(),
  timelineIFrame: z
    .object({
      linkLabel: z.string(),
      headerLabel: z.string(),
      url: z.string(),
      width: z.number().int(),
      height: z.number().int(),
    })
    .optional(),
});
type Occurrence = z.infer<typeof occurrence>;

const MAX_BATCH = 500;
const scopes = [
  'timeline',
  'crm.objects.contacts.write',
  'crm.objects.companies.write',
  'crm.objects.deals.write',
  'tickets',
];

/** App event occurrences, single and in batches. */
export function appEventsApi(ctx: SandboxContext): Router {
  const router = Router();
  const { timeline, records, settings } = ctx;

  /** Private apps have no app events: HubSpot documents these for apps that accounts install. */
  const requireApp: RequestHandler = (_req, res, next) => {
    if (ctx.privateApps.find(accessOf(res).token)) requireScope(res, ['timeline']);
    else requireScope(res, scopes);
    next();
  };

  router.post(pathsOf('/events'), requireApp, (req, res) => {
    const input = parseInput(occurrence, req.body);
    const { portalId } = accessOf(res);
    const type = checked(portalId, input);
    res.status(201).json(stored(portalId, input, type));
  });

  router.post(pathsOf('/events/batch'), requireApp, (req, res) => {
    const { inputs } = parseInput(z.object({ inputs: z.array(occurrence).min(1).max(MAX_BATCH) }), req.body);
    const { portalId } = accessOf(res);
    // All or nothing: every input is checked before the first is stored.
    const seen = new Set<string>();
    const typed = inputs.map((input) => {
      const key = `${input.eventTypeName}/${input.id}`;
      if (seen.has(key)) throw repeated(input.id);
      seen.add(key);
      return { input, type: checked(portalId, input) };
    });
    const now = new Date().toISOString();
    const results = typed.map(({ input, type }) => stored(portalId, input, type));
    res.json({ status: 'COMPLETE', results, startedAt: now, completedAt: now });
  });

  function checked(portalId: number, input: Occurrence): QualifiedEventType {
    const type = timeline.findType(input.eventTypeName);
    if (!type) {
      throw validationError(`Event type "${input.eventTypeName}" does not exist.`, [
        { message: 'unknown event type', code: 'EVENT_TYPE_DOESNT_EXIST', in: 'eventTypeName' },
      ]);
    }
    const problems = Object.entries(input.properties).flatMap(([name, value]) => {
      const property = type.properties.find((declared) => declared.name === name);
      if (!property)
        return [{ message: `Property "${name}" is not declared`, code: 'PROPERTY_DOESNT_EXIST', in: name }];
      const bad =
        (property.type === 'number' && !Number.isFinite(Number(value))) ||
        (property.type === 'enumeration' && !property.options.some((option) => option.value === value));
      return bad ? [{ message: `"${value}" is no ${property.type}`, code: 'INVALID_VALUE', in: name }] : [];
    });
    if (problems.length > 0) throw validationError('The event does not match its schema.', problems);
    if (timeline.has(portalId, input.eventTypeName, input.id)) throw repeated(input.id);
    findTarget(portalId, input, type);
    return type;
  }

  /** The record's id, or `undefined` when a new contact will be created for an e-mail address. */
  function findTarget(portalId: number, input: Occurrence, type: QualifiedEventType): string | undefined {
    const objectType = objectTypeNamed(type.objectType);
    if (input.objectId !== undefined) {
      const record = records.find(portalId, objectType, input.objectId);
      if (!record || record.archivedAt !== undefined)
        throw notFound(`No record with the id ${input.objectId}.`);
      return record.id;
    }
    if (objectType.singular !== 'contact')
      throw validationError(`Events on ${objectType.plural} need an objectId.`);
    // The sandbox has no tracking code, so a visitor's token matches no contact and does not create one.
    if (!input.email) throw validationError('One of objectId and email is needed to find the contact.');
    return records.find(portalId, objectType, input.email, 'email')?.id;
  }

  function stored(portalId: number, input: Occurrence, type: QualifiedEventType) {
    const contacts = objectTypeNamed('contact');
    const objectId =
      findTarget(portalId, input, type) ??
      createRecord(
        { crm: ctx, portalId, type: contacts, source: apiSource(settings.get().appId) },
        { email: input.email },
      ).id;
    const timestamp = new Date(input.timestamp ?? Date.now()).toISOString();
    const { id, eventTypeName, properties, extraData, timelineIFrame } = input;
    const event: TimelineEvent = {
      portalId,
      objectId,
      id,
      eventTypeName,
      properties,
      timestamp,
      extraData,
      timelineIFrame,
    };
    timeline.add(event);
    return { ...input, objectId, timestamp };
  }

  return router;
}

/**
 * Resolves a declared event type to its full name. At HubSpot this needs the developer account's
 * credentials; the sandbox has no developer account and requires none.
 */
export function appEventTypesApi({ timeline, project }: SandboxContext): Router {
  const router = Router();
  const body = z.object({ developerSymbol: z.string(), projectName: z.string() });

  router.post('/integrators/timeline/2026-03/types/projects', (req, res) => {
    const symbol = parseInput(body, req.body);
    const type = timeline.types.find(({ uid }) => uid === symbol.developerSymbol);
    if (!type || symbol.projectName !== project.projectName)
      throw notFound('No such event type in that project.');
    res.json({ developerQualifiedSymbol: symbol, fullyQualifiedName: type.fullyQualifiedName });
  });

  return router;
}

function pathsOf(suffix: string): string[] {
  return ['2026-03', 'v4'].map((version) => `/integrators/timeline/${version}${suffix}`);
}

function repeated(id: string): ApiError {
  return new ApiError(409, 'CONFLICT', `An event of this type with the id "${id}" already exists.`);
}
