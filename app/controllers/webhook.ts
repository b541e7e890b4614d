import { Router } from 'express';
import type { WebhookReceiver } from '../services/webhook-receiver.ts';
import { rawBodyOf } from '../verification/raw-body.ts';
import type { SignedRequest } from '../verification/signed-request.ts';

export function webhookRoutes(receiver: WebhookReceiver, signedRequest: SignedRequest): Router {
  return Router().post('/webhook', signedRequest(['v3', 'v2', 'v1']), async (req, res) => {
    await receiver.receive(rawBodyOf(req));
    res.status(204).end();
  });
}
