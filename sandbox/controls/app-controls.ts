import { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { parseControl } from './control-error.ts';

const url = z.url({ protocol: /^https?$/ });
const changeBody = z.strictObject({
  serverUrl: url.optional(),
  webhookTargetUrl: url.optional(),
  cardUrl: url.optional(),
  eventDetailsUrl: z.string().includes('%s').optional(),
  redirectUrls: z.array(url).min(1).optional(),
  requiredScopes: z.array(z.string()).optional(),
  optionalScopes: z.array(z.string()).optional(),
  rotateRefreshTokens: z.boolean().optional(),
  maxConcurrentRequests: z.number().int().min(1).optional(),
  rateLimit: z.number().int().min(0).nullable().optional(),
  searchRateLimit: z.number().int().min(0).nullable().optional(),
});

/** `GET` and `PUT /_sandbox/app`: the app's settings at this HubSpot. */
export function appControls({ settings, project, timeline, subscriptions }: SandboxContext): Router {
  const router = Router();
  const shown = () => ({
    ...settings.get(),
    projectName: project.projectName,
    eventTypes: timeline.types.map(({ uid, fullyQualifiedName }) => ({ uid, fullyQualifiedName })),
    subscriptions: subscriptions.list(),
  });

  router.get('/app', (_req, res) => {
    res.json(shown());
  });

  router.put('/app', (req, res) => {
    const given = Object.entries(parseControl(changeBody, req.body)).filter(
      ([, value]) => value !== undefined,
    );
    settings.change(Object.fromEntries(given));
    res.json(shown());
  });

  return router;
}
