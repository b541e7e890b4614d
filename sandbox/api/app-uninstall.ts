import { Router } from 'express';
import type { SandboxContext } from '../context.ts';
import { ApiError } from './api-error.ts';
import { accessOf } from './bearer.ts';

/** The app uninstalls itself from the portal that the access token belongs to. */
export function appUninstallApi({ tokens, privateApps }: SandboxContext): Router {
  const router = Router();
  const paths = ['v3', '2026-03', '2026-09'].map((version) => `/appinstalls/${version}/external-install`);

  router.delete(paths, (_req, res) => {
    const { portalId, token } = accessOf(res);
    if (privateApps.find(token))
      throw new ApiError(403, 'FORBIDDEN', 'A private app does not uninstall itself.');
    tokens.uninstall(portalId);
    res.status(204).end();
  });

  return router;
}
