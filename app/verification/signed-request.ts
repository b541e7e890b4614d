import type { Clock } from '../clock.ts';
import { unauthorized } from '../errors.ts';
import type { Refusal, SignedRoute } from './diagnose.ts';
import { captureRawBody, type RawHandler, type RawRequest, rawBodyOf } from './raw-body.ts';
import { type SignatureProblem, type SignatureVersion, verifySignature } from './signature.ts';

export type SignedRequest = (route: SignedRoute) => RawHandler;

/**
 * Lets a request through only when HubSpot signed it. The URL is the configured public one: behind a proxy the
 * Host header is not what HubSpot called, and a sender could choose it.
 * Leaves the raw bytes in `req.body`. The answer to a refused one says nothing; `onRefused` hears of each and must
 * return at once.
 */
export function createSignedRequest({
  serverUrl,
  clientSecrets,
  accepted,
  clock,
  onRefused,
}: {
  serverUrl: string;
  clientSecrets: readonly string[];
  accepted: Readonly<Record<SignedRoute, readonly SignatureVersion[]>>;
  clock: Clock;
  onRefused: (refusal: Refusal) => void;
}): SignedRequest {
  return (route) => {
    const versions = accepted[route];

    return (req, res, next) => {
      const refuse = (reason: SignatureProblem, rawBody: Buffer) => {
        next(unauthorized(`signature: ${reason}`));
        const address = addressOf(req, serverUrl);
        const parts = partsOf(req, serverUrl, rawBody);
        onRefused({ reason, route, accepted: versions, parts, address, at: clock.now() });
      };

      // Before the body is read: who signs nothing does not get a megabyte buffered.
      if (!req.headers['x-hubspot-signature'] && !req.headers['x-hubspot-signature-v3'])
        return refuse('no_signature', NOT_READ);

      captureRawBody(req, res, (error) => {
        if (error) return next(error);
        const parts = partsOf(req, serverUrl, rawBodyOf(req));
        const verdict = verifySignature(parts, clientSecrets, versions, clock.now());
        if (verdict.ok) return next();
        refuse(verdict.reason, parts.rawBody);
      });
    };
  };
}

const NOT_READ = Buffer.alloc(0);

const partsOf = (req: RawRequest, serverUrl: string, rawBody: Buffer) => ({
  method: req.method ?? '',
  url: serverUrl + targetOf(req),
  rawBody,
  headers: {
    signature: headerOf(req, 'x-hubspot-signature'),
    signatureVersion: headerOf(req, 'x-hubspot-signature-version'),
    signatureV3: headerOf(req, 'x-hubspot-signature-v3'),
    timestamp: headerOf(req, 'x-hubspot-request-timestamp'),
  },
});

const addressOf = (req: RawRequest, serverUrl: string) => ({
  serverUrl,
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
