import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { hubId, parse } from '../http/parse.ts';
import type { InstallService, InstallStatus } from './service.ts';

const params = z.object({ hubId });
const disconnectQuery = z.object({ local: z.stringbool().default(false) });

export function installRoutes(installs: InstallService, apiKey: RequestHandler): Router {
  return Router()
    .get('/hubid/:hubId', apiKey, async (req, res) => {
      const { hubId } = parse(params, req.params);
      res.json(presentInstall(await installs.status(hubId)));
    })
    .delete('/hubid/:hubId', apiKey, async (req, res) => {
      const { hubId: portalId } = parse(params, req.params);
      const { hubspotTold } = await installs.disconnect(portalId, parse(disconnectQuery, req.query));
      res.json({ portalId, state: 'uninstalled', hubspotTold });
    });
}

/** Lists the fields, so that a new column is not published by accident. */
export const presentInstall = (install: InstallStatus) => ({
  portalId: install.portalId,
  kind: install.kind,
  appId: install.appId,
  userId: install.userId,
  hubDomain: install.hubDomain,
  state: install.refreshing ? 'refreshing' : install.state,
  stateReason: install.stateReason,
  scopes: install.scopes,
  missingScopes: install.missingScopes,
  needsConsent: install.kind === 'oauth' && install.missingScopes.length > 0,
  reconnectUrl: install.reconnectUrl,
  accessTokenExpiresAt: install.accessTokenExpiresAt,
  nextRefreshAt: install.refreshDueAt,
  installedAt: install.installedAt,
  updatedAt: install.updatedAt,
});
