import { Router } from 'express';
import type { WebhookService } from '../services/webhook-service.ts';
import { rawBodyOf } from '../verification/raw-body.ts';
import type { SignedRequest } from '../verification/signed-request.ts';

export function webhookRoutes(webhooks: WebhookService, signedRequest: SignedRequest): Router {
  return Router().post('/webhook', signedRequest(['v3', 'v2', 'v1']), async (req, res) => {
    await webhooks.receive(rawBodyOf(req));
    res.status(204).end();
  });
}
