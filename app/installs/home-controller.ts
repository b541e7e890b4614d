import { Router } from 'express';
import type { AppSettings } from './settings.ts';

export function homeRoutes(name: string, { scopes, optionalScopes }: AppSettings): Router {
  return Router().get('/', (req, res) => {
    if (req.accepts(['html', 'json']) === 'json') {
      res.json({ name, install: '/install', scopes, optionalScopes });
      return;
    }
    res.render('home', { title: `Connect ${name} to HubSpot`, name, scopes, optionalScopes });
  });
}
