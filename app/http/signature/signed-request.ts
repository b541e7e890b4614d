import type { Clock } from '../../base/clock.ts';
import { unauthorized } from '../../base/errors.ts';
import { isBodyProblem, type RejectedRequest, type SignedRoute } from './explain/diagnose.ts';
import { requireSeparable } from './explain/separable.ts';
import { createBodyCapture, type RawHandler, type RawRequest, rawBodyOf } from './raw-body.ts';
import { type SignatureVersion, type SignedParts, verifySignature } from './signature.ts';

export type SignedRequest = (route: SignedRoute) => RawHandler;

/** A delivery contains up to 100 events, and a property value up to 65,536 characters. */
const BODY_LIMIT_MB: Readonly<Record<SignedRoute, number>> = { webhook: 8, card: 1, eventDetails: 1 };

/**
 * Accepts only requests that HubSpot signed. The URL is the configured public one: behind a proxy the
 * Host header differs, and a sender could choose it. If webhooks have their own URL, their signatures are also
 * accepted with the server's URL, because HubSpot takes minutes to apply a new target URL.
 * Leaves the raw bytes in `req.body`. The response to a rejected one gives no reason; `onRejected` is called and must
 * return immediately.
 */
export function createSignedRequest({
  serverUrl,
  webhookUrl,
  clientSecrets,
  accepted,
  clock,
  onRejected,
}: {
  serverUrl: string;
  webhookUrl: string | undefined;
  clientSecrets: readonly string[];
  accepted: Readonly<Record<SignedRoute, readonly SignatureVersion[]>>;
  clock: Clock;
  onRejected: (rejected: RejectedRequest) => void;
}): SignedRequest {
  const captureBody = createBodyCapture();

  return (route) => {
    const versions = accepted[route];
    const limitMb = BODY_LIMIT_MB[route];
    const ownUrl = route === 'webhook' ? webhookUrl : undefined;

    return (req, _res, next) => {
      const note = (reason: RejectedRequest['reason'], rawBody: Buffer = NOT_READ) => {
        const address = { ...addressOf(req), serverUrl, webhookUrl: ownUrl };
        const parts = partsOf(req, ownUrl ?? serverUrl, rawBody);
        onRejected({ reason, route, accepted: versions, parts, address, at: clock.now() });
      };
      const reject: typeof note = (reason, rawBody) => {
        next(unauthorized(`signature: ${reason}`));
        note(reason, rawBody);
      };

      // Before the body is read: requests without a signature are not buffered.
      if (!req.headers['x-hubspot-signature'] && !req.headers['x-hubspot-signature-v3'])
        return reject('no_signature');

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
        if (!verdict.ok) return reject(verdict.reason, parts.rawBody);
        try {
          requireSeparable({
            route,
            method: parts.method,
            target: targetOf(req),
            // A delivery is large, and only its first byte matters.
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

/** As received: Express strips the mount path from `url`. */
const targetOf = (req: RawRequest) => req.originalUrl ?? req.url ?? '';

const headerOf = (req: RawRequest, name: string) => req.headers[name] as string | undefined;
