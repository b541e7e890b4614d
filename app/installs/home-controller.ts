import { Router } from 'express';
import type { Config } from '../config.ts';

export function homeRoutes({ hubspot }: Config): Router {
  return Router().get('/', (req, res) => {
    const { scopes, optionalScopes } = hubspot;
    if (req.accepts(['html', 'json']) === 'json') {
      res.json({ name: 'hubspot-public-app-server', install: '/install', scopes, optionalScopes });
      return;
    }
    res.render('home', { title: 'Connect this app to HubSpot', scopes, optionalScopes });
  });
}
