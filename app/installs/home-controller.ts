import { Router } from 'express';
import type { Config } from '../config.ts';

export function homeRoutes(name: string, { hubspot }: Pick<Config, 'hubspot'>): Router {
  return Router().get('/', (req, res) => {
    const { scopes, optionalScopes } = hubspot;
    if (req.accepts(['html', 'json']) === 'json') {
      res.json({ name, install: '/install', scopes, optionalScopes });
      return;
    }
    res.render('home', { title: `Connect ${name} to HubSpot`, name, scopes, optionalScopes });
  });
}
