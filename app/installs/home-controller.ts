import { Router } from 'express';
import type { AppSettings } from './settings.ts';

export function homeRoutes({ scopes, optionalScopes }: AppSettings): Router {
  return Router().get('/', (req, res) => {
    if (req.accepts(['html', 'json']) === 'json') {
      res.json({ name: 'hubspot-public-app-server', install: '/install', scopes, optionalScopes });
      return;
    }
    res.render('home', { title: 'Connect this app to HubSpot', scopes, optionalScopes });
  });
}
