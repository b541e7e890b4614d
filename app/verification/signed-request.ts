import type { RequestHandler } from 'express';
import type { Clock } from '../clock.ts';
import { unauthorized } from '../errors.ts';
import { captureRawBody, rawBodyOf } from './raw-body.ts';
import { type SignatureVersion, verifySignature } from './signature.ts';

export type SignedRequest = (accepted?: readonly SignatureVersion[]) => RequestHandler;

/**
 * Lets a request through only when HubSpot signed it. The URL is the configured public one: behind a proxy the
 * Host header is not what HubSpot called, and a sender could choose it.
 * Leaves the raw bytes in `req.body`.
 */
export function createSignedRequest({
  serverUrl,
  clientSecrets,
  clock,
}: {
  serverUrl: string;
  clientSecrets: readonly string[];
  clock: Clock;
}): SignedRequest {
  return (accepted = ['v3', 'v2']) =>
    (req, res, next) => {
      const signature = req.get('x-hubspot-signature');
      const signatureV3 = req.get('x-hubspot-signature-v3');
      // Before the body is read: who signs nothing does not get a megabyte buffered.
      if (signature === undefined && signatureV3 === undefined) return next(unauthorized());

      captureRawBody(req, res, (error) => {
        if (error) return next(error);
        const verdict = verifySignature(
          {
            method: req.method,
            url: serverUrl + req.originalUrl,
            rawBody: rawBodyOf(req),
            headers: {
              signature,
              signatureVersion: req.get('x-hubspot-signature-version'),
              signatureV3,
              timestamp: req.get('x-hubspot-request-timestamp'),
            },
          },
          clientSecrets,
          accepted,
          clock.now(),
        );
        if (verdict.ok) return next();
        next(unauthorized(`signature: ${verdict.reason}`));
      });
    };
}
