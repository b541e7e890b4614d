import { Router } from 'express';
import { z } from 'zod';
import { callbackRefused, type InstallService } from '../services/install-service.ts';

const callback = z.object({
  code: z.string().min(1).optional().catch(undefined),
  state: z.string().min(1).optional().catch(undefined),
  error: z.string().min(1).optional().catch(undefined),
});

export function oauthRoutes(installs: InstallService): Router {
  return Router()
    .get('/install', async (_req, res) => {
      res.set('Cache-Control', 'no-store').redirect(302, await installs.begin());
    })
    .get('/oauth-callback', async (req, res) => {
      const { code, state, error } = callback.parse(req.query);
      if (error) {
        if (state) await installs.takeState(state);
        throw callbackRefused(error);
      }
      if (!code) throw callbackRefused(undefined);
      await installs.takeState(state);
      const install = await installs.complete(code);
      res.set('Cache-Control', 'no-store').render('installed', {
        title: 'The app is connected',
        install,
        portalUrl: installs.portalUrl(install.portalId),
      });
    });
}
