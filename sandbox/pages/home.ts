import { Router } from 'express';
import type { SandboxContext } from '../context.ts';
import { showPage } from './page.ts';

/** The start page and the list of controls. */
export function homePage({ settings, tokens, timeline, clock, portals }: SandboxContext): Router {
  const router = Router();

  router.get('/', (_req, res) => {
    const app = settings.get();
    showPage(res, 'home', {
      title: 'Start',
      app,
      installUrl: `${app.serverUrl}/install`,
      portals: portals.seeded.map((portal) => ({
        ...portal,
        installedAt: tokens.findInstall(portal.portalId)?.installedAt,
      })),
      eventTypes: timeline.types,
      aheadMinutes: Math.round((clock.now() - Date.now()) / 60_000),
    });
  });

  router.get('/controls', (_req, res) => {
    showPage(res, 'controls', { title: 'Controls' });
  });

  return router;
}
