import { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { invalidAuthentication } from './bearer.ts';
import { parseInput } from './request-input.ts';

const tokenBody = z.object({ tokenKey: z.string() });

/** Information about a private app's access token. Not in HubSpot's API descriptions; its format follows existing clients. */
export function privateAppsApi({ privateApps, settings }: SandboxContext): Router {
  const router = Router();

  router.post('/oauth/v2/private-apps/get/access-token-info', (req, res) => {
    const found = privateApps.find(parseInput(tokenBody, req.body).tokenKey);
    if (!found) throw invalidAuthentication(false);
    const { userId, portalId, scopes } = found;
    res.json({ userId, hubId: portalId, appId: settings.get().appId, scopes });
  });

  return router;
}
