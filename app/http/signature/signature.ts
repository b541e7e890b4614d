import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type SignatureVersion = 'v1' | 'v2' | 'v3';

/** The parts of a request that its signature covers. Header values are as received. */
export interface SignedParts {
  readonly method: string;
  /** The full public URL that HubSpot called: scheme, host, path and query, in the order sent. */
  readonly url: string;
  readonly rawBody: Buffer;
  readonly headers: {
    readonly signature?: string | undefined;
    readonly signatureVersion?: string | undefined;
    readonly signatureV3?: string | undefined;
    readonly timestamp?: string | undefined;
  };
}

export type SignatureVerdict =
  | { readonly ok: true; readonly version: SignatureVersion }
  | { readonly ok: false; readonly reason: SignatureProblem };

export type SignatureProblem =
  | 'no_signature'
  | 'version_not_accepted'
  | 'timestamp_malformed'
  | 'timestamp_out_of_range'
  | 'mismatch';

export const MAX_CLOCK_SKEW_MS = 5 * 60 * 1000;

/**
 * Decides whether HubSpot sent this request. If there is a v3 header, only v3 counts: an invalid v3 is never replaced by
 * an older signature. Each secret is tried, so that a client secret can be rotated without downtime.
 * @param now epoch milliseconds; v3 timestamps may differ from it by up to five minutes.
 * @see https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
 */
export function verifySignature(
  parts: SignedParts,
  secrets: readonly string[],
  accepted: readonly SignatureVersion[],
  now: number,
): SignatureVerdict {
  const { headers } = parts;
  if (headers.signatureV3 !== undefined) {
    if (!accepted.includes('v3')) return reject('version_not_accepted');
    return verifyV3(parts, headers.signatureV3, headers.timestamp, secrets, now);
  }
  if (headers.signature === undefined) return reject('no_signature');
  const version = headers.signatureVersion;
  if ((version !== 'v1' && version !== 'v2') || !accepted.includes(version))
    return reject('version_not_accepted');
  const given = headers.signature;
  const matches = secrets.some((secret) => isSignatureOf(parts, version, secret, given));
  return matches ? { ok: true, version } : reject('mismatch');
}

function verifyV3(
  parts: SignedParts,
  given: string,
  timestamp: string | undefined,
  secrets: readonly string[],
  now: number,
): SignatureVerdict {
  if (timestamp === undefined || !/^\d{13}$/.test(timestamp)) return reject('timestamp_malformed');
  if (Math.abs(now - Number(timestamp)) > MAX_CLOCK_SKEW_MS) return reject('timestamp_out_of_range');
  // HubSpot documents the decoded URI; its own SDKs sign the raw one. Both need the secret.
  const decoded = parts.url.includes('%') ? decodeSignedUri(parts.url) : parts.url;
  const forms = decoded === parts.url ? [decoded] : [decoded, parts.url];
  const matches = secrets.some((secret) =>
    forms.some((url) => isSignatureOf({ ...parts, url }, 'v3', secret, given, timestamp)),
  );
  return matches ? { ok: true, version: 'v3' } : reject('mismatch');
}

/** Whether `given` is the signature of exactly these parts, with the URL as it is. Does not check the age. */
export function isSignatureOf(
  parts: Omit<SignedParts, 'headers'>,
  version: SignatureVersion,
  secret: string,
  given: string,
  timestamp = '',
): boolean {
  return sameText(given, version === 'v3' ? hmac(parts, secret, timestamp) : digest(parts, version, secret));
}

/** v1: hex SHA-256 of secret and body. v2: of secret, method, URL and body. */
function digest(
  { method, url, rawBody }: Omit<SignedParts, 'headers'>,
  version: 'v1' | 'v2',
  secret: string,
): string {
  const hash = createHash('sha256').update(secret);
  if (version === 'v2') hash.update(method.toUpperCase() + url);
  return hash.update(rawBody).digest('hex');
}

/** v3: base64 HMAC-SHA256 of method, URI, body and timestamp. */
function hmac(
  { method, url, rawBody }: Omit<SignedParts, 'headers'>,
  secret: string,
  timestamp: string,
): string {
  const mac = createHmac('sha256', secret).update(method.toUpperCase() + url);
  return mac.update(rawBody).update(timestamp).digest('base64');
}

const DECODED: Record<string, string> = {
  '%3A': ':',
  '%2F': '/',
  '%3F': '?',
  '%40': '@',
  '%21': '!',
  '%24': '$',
  '%27': "'",
  '%28': '(',
  '%29': ')',
  '%2A': '*',
  '%2C': ',',
  '%3B': ';',
};
const DECODED_SEQUENCE = new RegExp(Object.keys(DECODED).join('|'), 'gi');

/**
 * Decodes exactly the sequences that HubSpot decodes before signing, in one pass. `decodeURIComponent` would also
 * turn `%26` into `&` and make two different URLs look the same.
 */
export function decodeSignedUri(uri: string): string {
  return uri.replace(DECODED_SEQUENCE, (sequence) => DECODED[sequence.toUpperCase()] ?? sequence);
}

function sameText(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

const reject = (reason: SignatureProblem): SignatureVerdict => ({ ok: false, reason });
