import type { IncomingMessage, RequestListener } from 'node:http';
import type { RequestHandler } from 'express';
import { invalidRequest } from '../base/errors.ts';
import { ANSWER_HEADERS } from '../http/security-headers.ts';
import { rawBodyOf } from '../http/signature/raw-body.ts';
import type { SignedRequest } from '../http/signature/signed-request.ts';
import type { WebhookReceiver } from './pipeline/receiver.ts';

const PATH = /^\/webhook\/?(?:\?|$)/i;

/** Why deliveries were not acknowledged, until Express answers them. */
const failures = new WeakMap<IncomingMessage, unknown>();

/**
 * Verifies, stores and acknowledges HubSpot's deliveries without Express, whose routing costs more than all of that
 * (`npm run bench -- webhooks`). Deliveries that fail and all other requests go on to `app`, which logs and answers them.
 */
export function webhookListener(
  receiver: WebhookReceiver,
  signedRequest: SignedRequest,
  app: RequestListener,
): RequestListener {
  const verify = signedRequest('webhook');

  return (req, res) => {
    req.url = withoutOrigin(req.url ?? '/');
    if (req.method !== 'POST' || !PATH.test(req.url ?? '')) return app(req, res);
    const fail = (error: unknown) => {
      // The request timed out and has its answer.
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

/** Request targets may be absolute URLs. @see RFC 9112, 3.2.2 */
const withoutOrigin = (target: string): string => {
  const [, path] = /^https?:\/\/[^/?#]*(.*)$/i.exec(target) ?? [];
  if (path === undefined) return target;
  return path.startsWith('/') ? path : `/${path}`;
};

/** Answers deliveries that `webhookListener` did not acknowledge. */
export const webhookFailure: RequestHandler = (req, _res, next) =>
  next(
    failures.get(req) ?? invalidRequest('The path of webhook deliveries is /webhook, spelled exactly so.'),
  );
