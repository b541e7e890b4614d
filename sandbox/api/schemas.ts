import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { customType } from '../state/custom-type.ts';
import type { ObjectSchema } from '../state/object-schema.ts';
import type { ObjectType } from '../state/object-types.ts';
import { newDefinition, ownGroup } from '../state/property-definition.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { accessOf, requireScope } from './bearer.ts';
import { schemaScopes } from './crm-scope.ts';
import { checkDefinition, propertyAnswer, propertyCreate } from './property-input.ts';
import { parseInput } from './request-input.ts';

const label = z.string().trim().min(1);
const names = z.array(z.string()).default([]);

/** SPEC `ObjectSchemaEgg`. */
const createBody = z.object({
  name: z.string().regex(/^[a-z]\w*$/i, 'only letters, digits and underscores, a letter first'),
  labels: z.object({ singular: label, plural: label }),
  description: z.string().default(''),
  primaryDisplayProperty: z.string().optional(),
  secondaryDisplayProperties: names,
  requiredProperties: z.array(z.string()),
  searchableProperties: names,
  properties: z.array(propertyCreate.partial({ groupName: true })).min(1),
  associatedObjects: z.array(z.string()),
});

const paths = ['/crm-object-schemas/2026-03/schemas', '/crm-object-schemas/v3/schemas', '/crm/v3/schemas'];
const READ = ['crm.schemas.custom.read'];
const WRITE = ['crm.schemas.custom.write'];

/** The custom object types of an account. */
export function schemasApi(ctx: SandboxContext): Router {
  const { schemas, properties, records } = ctx;
  const routes = Router();

  routes.get('/', (_req, res) => {
    requireScope(res, READ);
    const { portalId } = accessOf(res);
    res.json({ results: schemas.list(portalId).map((schema) => schemaAnswer(portalId, schema)) });
  });

  routes.post('/', (req, res) => {
    requireScope(res, WRITE);
    const { portalId } = accessOf(res);
    const egg = parseInput(createBody, req.body);
    const name = egg.name.toLowerCase();
    if (schemas.find(portalId, `p_${name}`)) {
      throw new ApiError(409, 'OBJECT_ALREADY_EXISTS', `The account has a type "${egg.name}" already.`);
    }
    const { labels, description, primaryDisplayProperty, secondaryDisplayProperties } = egg;
    const type = customType(portalId, { ...egg, id: schemas.newTypeId(), name });
    const groupName = ownGroup(type).name;
    const definitions = egg.properties.map((input) =>
      newDefinition({ ...input, groupName: input.groupName ?? groupName }, Date.now()),
    );
    for (const definition of definitions) checkDefinition(definition);
    checkNames(egg);
    const schema = schemas.add(portalId, {
      type,
      labels,
      description,
      primaryDisplayProperty,
      secondaryDisplayProperties,
      requiredProperties: egg.requiredProperties,
      properties: definitions,
      associatedTypes: egg.associatedObjects.map((other) => associatedType(portalId, other)),
    });
    res.status(201).json(schemaAnswer(portalId, schema));
  });

  routes.get('/:objectType', (req, res) => {
    const { portalId } = accessOf(res);
    const type = schemas.find(portalId, req.params.objectType);
    if (!type) throw unknownType(req.params.objectType);
    requireScope(res, schemaScopes(type, 'read'));
    res.json(schemaAnswer(portalId, schemas.schemaOf(portalId, type) ?? standardSchema(type)));
  });

  routes.delete('/:objectType', (req, res) => {
    requireScope(res, WRITE);
    const { portalId, type } = ownType(req, res);
    if (records.list(portalId, type).length > 0) {
      throw validationError(`Records of type ${type.id} exist: delete them first.`);
    }
    schemas.remove(portalId, type);
    res.status(204).end();
  });

  function ownType(req: Request, res: Response) {
    const { portalId } = accessOf(res);
    const type = schemas.find(portalId, String(req.params.objectType));
    if (!type || !schemas.schemaOf(portalId, type)) throw unknownType(String(req.params.objectType));
    return { portalId, type };
  }

  function associatedType(portalId: number, name: string): ObjectType {
    const type = schemas.find(portalId, name);
    if (!type) throw validationError(`Unable to infer object type from: ${name}`);
    return type;
  }

  /** SPEC `ObjectSchema`. */
  function schemaAnswer(portalId: number, schema: ObjectSchema) {
    const { type, associations, createdAt, updatedAt, ...rest } = schema;
    const times = { createdAt: isoTime(createdAt), updatedAt: isoTime(updatedAt) };
    return {
      ...rest,
      id: type.id.replace(/^2-/, ''),
      objectTypeId: type.id,
      name: type.singular,
      fullyQualifiedName: type.plural,
      searchableProperties: type.queryProperties,
      properties: properties.list(portalId, type).map(propertyAnswer),
      associations: associations.map(({ typeId, from, to, name }) => ({
        id: String(typeId),
        fromObjectTypeId: from,
        toObjectTypeId: to,
        name,
        ...times,
      })),
      archived: false,
      allowsSensitiveProperties: false,
      ...times,
    };
  }

  return Router().use(paths, routes);
}

const isoTime = (time: number) => new Date(time).toISOString();

/** Throws 400 when the schema names a property that it does not define, or defines one twice. */
function checkNames(egg: z.infer<typeof createBody>): void {
  const defined = egg.properties.map(({ name }) => name);
  if (new Set(defined).size < defined.length) throw validationError('Two properties have the same name.');
  const named = [
    ...egg.requiredProperties,
    ...egg.searchableProperties,
    ...egg.secondaryDisplayProperties,
    ...(egg.primaryDisplayProperty === undefined ? [] : [egg.primaryDisplayProperty]),
  ];
  const unknown = named.find((name) => !defined.includes(name));
  if (unknown !== undefined) throw validationError(`The schema defines no property "${unknown}".`);
}

/** The properties of HubSpot's own types. */
function standardSchema(type: ObjectType): ObjectSchema {
  return {
    type,
    labels: { singular: type.singular, plural: type.plural },
    description: '',
    secondaryDisplayProperties: [],
    requiredProperties: type.requiredOnCreate.flatMap(([name]) => name ?? []),
    associations: [],
    createdAt: 0,
    updatedAt: 0,
  };
}

const unknownType = (name: string) => notFound(`Unable to find object type definition with name ${name}`);
