import type { Request, Response } from 'express';
import type { SandboxContext } from '../context.ts';
import type { ObjectType } from '../state/object-types.ts';
import { accessOf, requireScope } from './bearer.ts';
import { type Access, scopeFor, typeNamed } from './crm-scope.ts';
import type { WriteScope } from './write-scope.ts';

/**
 * The portal and both types of a request with `:objectType` and `:toObjectType` in its path.
 * HubSpot requires a scope for one of the two.
 */
export function associationScope(ctx: SandboxContext) {
  return (req: Request, res: Response, access: Access): { scope: WriteScope; to: ObjectType } => {
    const { portalId } = accessOf(res);
    const from = typeNamed(ctx, portalId, req.params.objectType);
    const to = typeNamed(ctx, portalId, req.params.toObjectType);
    const writes = [...from.writeScopes, ...to.writeScopes];
    requireScope(res, access === 'write' ? writes : [...from.readScopes, ...to.readScopes, ...writes]);
    return { scope: scopeFor(ctx, res, from), to };
  };
}
