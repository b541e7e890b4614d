import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { Install } from '../db/installs-store.ts';
import type { InstallService } from '../services/install-service.ts';
import { hubId, parse } from './parse.ts';

const params = z.object({ hubId });

export function installRoutes(installs: InstallService, apiKey: RequestHandler): Router {
  return Router()
    .get('/hubid/:hubId', apiKey, async (req, res) => {
      const { hubId } = parse(params, req.params);
      res.json(present(await installs.find(hubId)));
    })
    .delete('/hubid/:hubId', apiKey, async (req, res) => {
      const { hubId: portalId } = parse(params, req.params);
      await installs.disconnect(portalId);
      res.json({ portalId, state: 'uninstalled' });
    });
}

/** Field by field, so that a new column of the row is not published by accident. */
const present = (install: Install) => ({
  portalId: install.portalId,
  appId: install.appId,
  userId: install.userId,
  hubDomain: install.hubDomain,
  scopes: install.scopes,
  state: install.state,
  accessTokenExpiresAt: install.accessTokenExpiresAt,
  installedAt: install.installedAt,
  updatedAt: install.updatedAt,
});
