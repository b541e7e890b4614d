import type { Request, Response } from 'express';
import type { SandboxContext } from '../context.ts';
import { isCustom, type ObjectType } from '../state/object-types.ts';
import { ApiError } from './api-error.ts';
import { accessOf, apiSource, requireScope } from './bearer.ts';
import type { Crm, WriteScope } from './write-scope.ts';

export type Access = 'read' | 'write';

/** The portal, type and scopes of a request with `:objectType` in its path; throws 400 and 403. */
export type Scoped = (req: Request, res: Response, access: Access) => WriteScope;

export function crmScope(ctx: SandboxContext): Scoped {
  return (req, res, access) => {
    const type = typeNamed(ctx, accessOf(res).portalId, req.params.objectType);
    requireScope(res, access === 'read' ? type.readScopes : type.writeScopes);
    for (const scope of type.furtherScopes ?? []) requireScope(res, [scope]);
    return scopeFor(ctx, res, type);
  };
}

/** The same for requests about a type instead of its records: properties and pipelines. */
export function schemaScope(ctx: SandboxContext): Scoped {
  return (req, res, access) => {
    const type = typeNamed(ctx, accessOf(res).portalId, req.params.objectType);
    requireScope(res, schemaScopes(type, access));
    return scopeFor(ctx, res, type);
  };
}

export function scopeFor(ctx: SandboxContext, res: Response, type: ObjectType): WriteScope {
  const { portalId } = accessOf(res);
  return { crm: ctx, portalId, type, source: apiSource(ctx.settings.get().appId) };
}

/** The object type in a path or query; throws 400 for unknown ones. */
export function typeNamed({ schemas }: Pick<Crm, 'schemas'>, portalId: number, name: unknown): ObjectType {
  const type = schemas.find(portalId, String(name));
  if (!type) throw new ApiError(400, 'VALIDATION_ERROR', `Unable to infer object type from: ${name}`);
  return type;
}

/** The read or write scope of the records allows reading a definition; changing it needs its own scope. */
export function schemaScopes(type: ObjectType, access: Access): string[] {
  const { plural, readScopes, writeScopes } = type;
  const area = isCustom(type) ? 'custom' : plural;
  const own = [`crm.schemas.${area}.${access}`, ...(plural === 'tickets' ? ['tickets'] : [])];
  return access === 'read' ? [...own, ...readScopes, ...writeScopes] : own;
}
