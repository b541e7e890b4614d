import { type RequestHandler, Router } from 'express';
import type { Install } from '../db/installs-store.ts';
import type { InstallService } from '../services/install-service.ts';
import { hubId, parse } from './parse.ts';

export function installRoutes(installs: InstallService, apiKey: RequestHandler): Router {
  return Router()
    .get('/hubid/:hubId', apiKey, async (req, res) => {
      res.json(present(await installs.find(parse(hubId, req.params.hubId))));
    })
    .delete('/hubid/:hubId', apiKey, async (req, res) => {
      const portalId = parse(hubId, req.params.hubId);
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
