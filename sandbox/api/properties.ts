import { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { newDefinition, type PropertyDefinition } from '../state/property-definition.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { answerBatch, eachAlone } from './batch-answer.ts';
import { schemaScope } from './crm-scope.ts';
import { propertyGroupRoutes } from './property-groups.ts';
import { checkDefinition, propertyAnswer, propertyCreate, propertyPatch } from './property-input.ts';
import { flag, parseInput } from './request-input.ts';
import type { WriteScope } from './write-scope.ts';

const sensitivity = z.enum(['non_sensitive', 'sensitive', 'highly_sensitive']).default('non_sensitive');
const readQuery = z.object({ archived: flag, dataSensitivity: sensitivity });
const nameInputs = z.object({ inputs: z.array(z.object({ name: z.string() })).min(1) });
const readBody = nameInputs.extend({ archived: z.boolean(), dataSensitivity: sensitivity });
const createInputs = z.object({ inputs: z.array(propertyCreate).min(1) });

const MAX_UNIQUE = 10;

/** The newest version answers a batch of new properties with 200, the others with 201. */
const generations = [
  { base: '/crm/v3/properties', created: 201 },
  { base: '/crm/properties/2026-03', created: 201 },
  { base: '/crm/properties/2026-09', created: 200 },
];

/** Property definitions and their groups. */
export function propertiesApi(ctx: SandboxContext): Router {
  const { properties } = ctx;
  const scoped = schemaScope(ctx);
  const routes = (batchCreated: number) => {
    const router = Router({ mergeParams: true });
    router.use('/groups', propertyGroupRoutes(ctx, scoped));

    router.get('/', (req, res) => {
      const { portalId, type } = scoped(req, res, 'read');
      const { archived, dataSensitivity } = parseInput(readQuery, req.query);
      const all = properties.list(portalId, type, { archived }).filter(hasSensitivity(dataSensitivity));
      res.json({ results: all.map(propertyAnswer) });
    });

    router.post('/', (req, res) => {
      const scope = scoped(req, res, 'write');
      res.status(201).json(propertyAnswer(create(scope, parseInput(propertyCreate, req.body))));
    });

    router.post('/batch/create', (req, res) => {
      const scope = scoped(req, res, 'write');
      const { inputs } = parseInput(createInputs, req.body);
      const { results, errors } = eachAlone(inputs, (input) => propertyAnswer(create(scope, input)));
      answerBatch(res, batchCreated, results, errors);
    });

    router.post('/batch/read', (req, res) => {
      const scope = scoped(req, res, 'read');
      const { inputs, archived, dataSensitivity } = parseInput(readBody, req.body);
      const { results, errors } = eachAlone(inputs, ({ name }) =>
        propertyAnswer(existing(scope, name, archived, dataSensitivity)),
      );
      answerBatch(res, 200, results, errors);
    });

    router.post('/batch/archive', (req, res) => {
      const scope = scoped(req, res, 'write');
      const found = parseInput(nameInputs, req.body).inputs.map(({ name }) =>
        properties.find(scope.portalId, scope.type, name),
      );
      for (const definition of found) if (definition) archive(definition);
      res.status(204).end();
    });

    router.get('/:propertyName', (req, res) => {
      const scope = scoped(req, res, 'read');
      const { archived, dataSensitivity } = parseInput(readQuery, req.query);
      res.json(propertyAnswer(existing(scope, req.params.propertyName, archived, dataSensitivity)));
    });

    router.patch('/:propertyName', (req, res) => {
      const scope = scoped(req, res, 'write');
      const before = existing(scope, req.params.propertyName);
      if (before.hubspotDefined) throw readOnly(before);
      const changed = { ...before, ...parseInput(propertyPatch, req.body), updatedAt: Date.now() };
      checkDefinition(changed);
      checkGroup(scope, changed.groupName);
      properties.save(scope.portalId, scope.type, changed);
      res.json(propertyAnswer(changed));
    });

    router.delete('/:propertyName', (req, res) => {
      archive(existing(scoped(req, res, 'write'), req.params.propertyName));
      res.status(204).end();
    });

    return router;
  };

  /** Reusing an archived name restores its values, with the new definition. */
  function create(scope: WriteScope, input: z.infer<typeof propertyCreate>): PropertyDefinition {
    const { portalId, type } = scope;
    if (properties.find(portalId, type, input.name)) {
      throw new ApiError(
        409,
        'OBJECT_ALREADY_EXISTS',
        `Unable to create the property "${input.name}": it exists.`,
        {
          subCategory: 'Properties.PROPERTY_WITH_NAME_EXISTS',
        },
      );
    }
    if (input.name.startsWith('hs_')) {
      throw validationError(`"${input.name}" begins with hs_, which is HubSpot's own.`);
    }
    checkGroup(scope, input.groupName);
    const unique = properties
      .list(portalId, type)
      .filter((property) => property.hasUniqueValue && !property.hubspotDefined);
    if (input.hasUniqueValue && unique.length >= MAX_UNIQUE) {
      throw validationError(
        `There are ${MAX_UNIQUE} properties with unique values already, which is the limit.`,
      );
    }
    const definition = newDefinition(input, Date.now());
    checkDefinition(definition);
    properties.save(portalId, type, definition);
    return definition;
  }

  function existing(
    { portalId, type }: WriteScope,
    name: string,
    archived = false,
    dataSensitivity?: string,
  ): PropertyDefinition {
    const found = archived
      ? properties.findArchived(portalId, type, name)
      : properties.find(portalId, type, name);
    const matches = dataSensitivity === undefined || (found && hasSensitivity(dataSensitivity)(found));
    if (!found || !matches) throw notFound(`Property "${name}" does not exist for ${type.plural}.`);
    return found;
  }

  function checkGroup({ portalId, type }: WriteScope, name: string): void {
    if (properties.findGroup(portalId, type, name)) return;
    throw validationError(`The property group "${name}" does not exist for ${type.plural}.`, [
      { message: 'unknown group', code: 'GROUP_DOES_NOT_EXIST', in: 'groupName' },
    ]);
  }

  function archive(definition: PropertyDefinition): void {
    if (definition.hubspotDefined) throw readOnly(definition);
    definition.archivedAt = Date.now();
  }

  const router = Router();
  for (const { base, created } of generations) router.use(`${base}/:objectType`, routes(created));
  return router;
}

function hasSensitivity(wanted: string) {
  return ({ dataSensitivity = 'non_sensitive' }: PropertyDefinition) => dataSensitivity === wanted;
}

function readOnly({ name }: PropertyDefinition): ApiError {
  return validationError(`"${name}" is HubSpot's own property: its definition cannot be changed.`, [
    { message: 'read-only definition', code: 'READ_ONLY_DEFINITION', in: 'propertyName' },
  ]);
}
