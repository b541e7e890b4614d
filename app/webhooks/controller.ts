import type { IncomingMessage, RequestListener } from 'node:http';
import type { RequestHandler } from 'express';
import { invalidRequest } from '../base/errors.ts';
import { ANSWER_HEADERS } from '../http/security-headers.ts';
import { rawBodyOf } from '../http/signature/raw-body.ts';
import type { SignedRequest } from '../http/signature/signed-request.ts';
import type { WebhookReceiver } from './pipeline/receiver.ts';

const PATH = /^\/webhook\/?(?:\?|$)/i;

/** Why a delivery was not acknowledged, until Express answers it. */
const failures = new WeakMap<IncomingMessage, unknown>();

/**
 * HubSpot's deliveries, the busiest route by far, are verified, stored and acknowledged before Express: its routers
 * would cost more than all of that (`npm run bench -- webhooks`). What is not acknowledged, and every other request,
 * goes on to `app`, which logs and answers it.
 */
export function webhookDoor(
  receiver: WebhookReceiver,
  signedRequest: SignedRequest,
  app: RequestListener,
): RequestListener {
  const verify = signedRequest('webhook');

  return (req, res) => {
    req.url = withoutOrigin(req.url ?? '/');
    if (req.method !== 'POST' || !PATH.test(req.url ?? '')) return app(req, res);
    const fail = (error: unknown) => {
      // It took too long and was answered; that it was cut short is no news.
      if (res.headersSent) return;
      failures.set(req, error);
      app(req, res);
    };
    const acknowledge = () => {
      res.writeHead(204, ANSWER_HEADERS).end();
    };
    verify(req, res, (error) => {
      if (error) return fail(error);
      receiver.receive(rawBodyOf(req)).then(acknowledge, fail);
    });
  };
}

/** A client may send the whole address where the path is usual. @see RFC 9112, 3.2.2 */
const withoutOrigin = (target: string): string => {
  const [, path] = /^https?:\/\/[^/?#]*(.*)$/i.exec(target) ?? [];
  if (path === undefined) return target;
  return path.startsWith('/') ? path : `/${path}`;
};

/** The answer to a delivery that the door did not acknowledge. */
export const webhookFailure: RequestHandler = (req, _res, next) =>
  next(failures.get(req) ?? invalidRequest('HubSpot delivers to /webhook, spelled exactly so.'));
