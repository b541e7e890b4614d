import { Router } from 'express';

interface AskedScopes {
  readonly scopes: readonly string[];
  readonly optionalScopes: readonly string[];
}

export function homeRoutes({ scopes, optionalScopes }: AskedScopes): Router {
  return Router().get('/', (req, res) => {
    if (req.accepts(['html', 'json']) === 'json') {
      res.json({ name: 'hubspot-public-app-server', install: '/install', scopes, optionalScopes });
      return;
    }
    res.render('home', { title: 'Connect this app to HubSpot', scopes, optionalScopes });
  });
}
