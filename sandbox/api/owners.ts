import { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { Owner } from '../state/owners.ts';
import { notFound } from './api-error.ts';
import { accessOf, requireScope } from './bearer.ts';
import { afterId, flag, parseInput } from './request-input.ts';

const listQuery = z.object({
  email: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: afterId,
  archived: flag,
});
const readQuery = z.object({ idProperty: z.enum(['id', 'userId']).default('id'), archived: flag });

const paths = ['/crm/v3/owners', '/crm/owners/2026-03', '/crm/owners/2026-09'];

/** The people who can own records. Read only. */
export function ownersApi({ owners }: SandboxContext): Router {
  const router = Router();

  router.get(paths, (req, res) => {
    requireScope(res, ['crm.objects.owners.read']);
    const { email, limit, after, archived } = parseInput(listQuery, req.query);
    const wanted = email?.toLowerCase();
    const all = owners
      .list(accessOf(res).portalId)
      .filter((owner) => owner.archived === archived)
      .filter((owner) => wanted === undefined || owner.email.toLowerCase() === wanted)
      .filter(({ id }) => after === undefined || Number(id) >= Number(after));
    const next = all[limit]?.id;
    res.json({
      results: all.slice(0, limit).map(ownerBody),
      ...(next && { paging: { next: { after: next, link: `?after=${next}` } } }),
    });
  });

  router.get(
    paths.map((path) => `${path}/:ownerId`),
    (req, res) => {
      requireScope(res, ['crm.objects.owners.read']);
      const { idProperty, archived } = parseInput(readQuery, req.query);
      const found = owners
        .list(accessOf(res).portalId)
        .find((owner) => String(owner[idProperty]) === req.params.ownerId && owner.archived === archived);
      if (!found) throw notFound(`Owner not found for ${idProperty} ${req.params.ownerId}.`);
      res.json(ownerBody(found));
    },
  );

  return router;
}

/** SPEC `PublicOwner`. Archived owners have no user id. */
function ownerBody({ userId, ...owner }: Owner) {
  return {
    ...owner,
    type: 'PERSON',
    ...(!owner.archived && { userId }),
    userIdIncludingInactive: userId,
    createdAt: '2019-12-25T13:01:35.228Z',
    updatedAt: '2023-08-22T13:40:26.790Z',
  };
}
