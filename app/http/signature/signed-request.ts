import type { Clock } from '../../base/clock.ts';
import { unauthorized } from '../../base/errors.ts';
import { isBodyProblem, type Refusal, type SignedRoute } from './explain/diagnose.ts';
import { requireSeparable } from './explain/separable.ts';
import { createBodyCapture, type RawHandler, type RawRequest, rawBodyOf } from './raw-body.ts';
import { type SignatureVersion, type SignedParts, verifySignature } from './signature.ts';

export type SignedRequest = (route: SignedRoute) => RawHandler;

/** A delivery holds up to 100 events, and the value of a property up to 65,536 characters. */
const BODY_LIMIT_MB: Readonly<Record<SignedRoute, number>> = { webhook: 8, card: 1, eventDetails: 1 };

/**
 * Lets a request through only when HubSpot signed it. The URL is the configured public one: behind a proxy the
 * Host header is not what HubSpot called, and a sender could choose it. Webhooks may have one of their own; theirs are
 * right under the server's, too, as HubSpot takes minutes to go by a new target URL.
 * Leaves the raw bytes in `req.body`. The answer to a refused one says nothing; `onRefused` hears of each and must
 * return at once.
 */
export function createSignedRequest({
  serverUrl,
  webhookUrl,
  clientSecrets,
  accepted,
  clock,
  onRefused,
}: {
  serverUrl: string;
  webhookUrl: string | undefined;
  clientSecrets: readonly string[];
  accepted: Readonly<Record<SignedRoute, readonly SignatureVersion[]>>;
  clock: Clock;
  onRefused: (refusal: Refusal) => void;
}): SignedRequest {
  const captureBody = createBodyCapture();

  return (route) => {
    const versions = accepted[route];
    const limitMb = BODY_LIMIT_MB[route];
    const ownUrl = route === 'webhook' ? webhookUrl : undefined;

    return (req, _res, next) => {
      const note = (reason: Refusal['reason'], rawBody: Buffer = NOT_READ) => {
        const address = { ...addressOf(req), serverUrl, webhookUrl: ownUrl };
        const parts = partsOf(req, ownUrl ?? serverUrl, rawBody);
        onRefused({ reason, route, accepted: versions, parts, address, at: clock.now() });
      };
      const refuse: typeof note = (reason, rawBody) => {
        next(unauthorized(`signature: ${reason}`));
        note(reason, rawBody);
      };

      // Before the body is read: who signs nothing does not get a megabyte buffered.
      if (!req.headers['x-hubspot-signature'] && !req.headers['x-hubspot-signature-v3'])
        return refuse('no_signature');

      captureBody(req, limitMb, (error) => {
        if (error) {
          next(error);
          if (isBodyProblem(error.code)) note(error.code);
          return;
        }
        const parts = partsOf(req, ownUrl ?? serverUrl, rawBodyOf(req));
        const verify = (signed: SignedParts) => verifySignature(signed, clientSecrets, versions, clock.now());
        let verdict = verify(parts);
        if (!verdict.ok && ownUrl !== undefined)
          verdict = verify({ ...parts, url: serverUrl + targetOf(req) });
        if (!verdict.ok) return refuse(verdict.reason, parts.rawBody);
        try {
          requireSeparable({
            route,
            method: parts.method,
            target: targetOf(req),
            // A delivery is large, and only its first byte counts.
            body: parts.rawBody.toString('latin1', 0, route === 'webhook' ? 1 : undefined),
            isForm: /^application\/x-www-form-urlencoded\b/i.test(req.headers['content-type'] ?? ''),
          });
        } catch (problem) {
          next(problem);
          return note('not_as_hubspot_sends', parts.rawBody);
        }
        next();
      });
    };
  };
}

const NOT_READ = Buffer.alloc(0);

const partsOf = (req: RawRequest, baseUrl: string, rawBody: Buffer) => ({
  method: req.method ?? '',
  url: baseUrl + targetOf(req),
  rawBody,
  headers: {
    signature: headerOf(req, 'x-hubspot-signature'),
    signatureVersion: headerOf(req, 'x-hubspot-signature-version'),
    signatureV3: headerOf(req, 'x-hubspot-signature-v3'),
    timestamp: headerOf(req, 'x-hubspot-request-timestamp'),
  },
});

const addressOf = (req: RawRequest) => ({
  target: targetOf(req),
  host: req.headers.host,
  forwardedHost: headerOf(req, 'x-forwarded-host'),
  forwardedPort: headerOf(req, 'x-forwarded-port'),
  forwardedPrefix: headerOf(req, 'x-forwarded-prefix'),
  originalTarget:
    headerOf(req, 'x-original-uri') ??
    headerOf(req, 'x-original-url') ??
    headerOf(req, 'x-envoy-original-path'),
});

/** As it was sent: Express cuts `url` where it mounts a router. */
const targetOf = (req: RawRequest) => req.originalUrl ?? req.url ?? '';

const headerOf = (req: RawRequest, name: string) => req.headers[name] as string | undefined;
