import { Router } from 'express';
import type { HealthService } from './service.ts';

export function healthRoutes(health: HealthService): Router {
  return Router()
    .get('/healthz', (_req, res) => {
      res.json({ status: 'ok' });
    })
    .get('/readyz', async (_req, res) => {
      const { ready, checks, alarms } = await health.readiness();
      res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', checks, alarms });
    });
}
