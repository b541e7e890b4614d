import { type ErrorRequestHandler, type RequestHandler, Router } from 'express';
import type { WebhookReceiver } from '../services/webhook-receiver.ts';
import { rawBodyOf } from '../verification/raw-body.ts';
import type { SignedRequest } from '../verification/signed-request.ts';

/**
 * HubSpot's deliveries: the busiest route by far. It stands before the request log, and only what is not
 * acknowledged gets a line there.
 */
export function webhookRoutes(
  receiver: WebhookReceiver,
  signedRequest: SignedRequest,
  requestLog: RequestHandler,
): Router {
  const store: RequestHandler = async (req, res) => {
    await receiver.receive(rawBodyOf(req));
    res.status(204).end();
  };
  const logFailure: ErrorRequestHandler = (error, req, res, next) => requestLog(req, res, () => next(error));
  return Router().post('/webhook', signedRequest('webhook'), store, logFailure);
}
