import { type Request, type Response, Router } from 'express';
import type { SandboxContext } from '../context.ts';
import type { PropertyGroup } from '../state/property-definition.ts';
import { ApiError, notFound } from './api-error.ts';
import type { Access, Scoped } from './crm-scope.ts';
import { groupCreate, groupPatch } from './property-input.ts';
import { parseInput } from './request-input.ts';

/** The groups under which a type's properties are shown: `…/{objectType}/groups`. */
export function propertyGroupRoutes({ properties }: SandboxContext, scoped: Scoped): Router {
  const routes = Router({ mergeParams: true });

  routes.get('/', (req, res) => {
    const { portalId, type } = scoped(req, res, 'read');
    res.json({ results: properties.groups(portalId, type).map(groupAnswer) });
  });

  routes.post('/', (req, res) => {
    const { portalId, type } = scoped(req, res, 'write');
    const group = parseInput(groupCreate, req.body);
    if (properties.findGroup(portalId, type, group.name)) {
      throw new ApiError(
        409,
        'OBJECT_ALREADY_EXISTS',
        `Unable to create the group "${group.name}": it exists.`,
        {
          subCategory: 'PropertyGroups.GROUP_WITH_NAME_EXISTS',
        },
      );
    }
    properties.saveGroup(portalId, type, group);
    res.status(201).json(groupAnswer(group));
  });

  routes.get('/:groupName', (req, res) => {
    res.json(groupAnswer(existing(req, res, 'read').group));
  });

  routes.patch('/:groupName', (req, res) => {
    const { portalId, type, group } = existing(req, res, 'write');
    const changed = { ...group, ...parseInput(groupPatch, req.body) };
    properties.saveGroup(portalId, type, changed);
    res.json(groupAnswer(changed));
  });

  routes.delete('/:groupName', (req, res) => {
    const { portalId, type, group } = existing(req, res, 'write');
    const holds = properties.list(portalId, type).filter(({ groupName }) => groupName === group.name);
    if (holds.length > 0) {
      const names = holds.map(({ name }) => name).join(', ');
      throw new ApiError(
        400,
        'VALIDATION_ERROR',
        `The group "${group.name}" has active properties: ${names}`,
        {
          subCategory: 'PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES',
        },
      );
    }
    properties.removeGroup(portalId, type, group.name);
    res.status(204).end();
  });

  function existing(req: Request, res: Response, access: Access) {
    const { portalId, type } = scoped(req, res, access);
    const name = String(req.params.groupName);
    const group = properties.findGroup(portalId, type, name);
    if (!group) throw notFound(`The property group "${name}" does not exist for ${type.plural}.`);
    return { portalId, type, group };
  }

  return routes;
}

/** SPEC `PropertyGroup`. */
function groupAnswer(group: PropertyGroup) {
  return { ...group, archived: false };
}
