import { createHash, createHmac } from 'node:crypto';

export type SignatureVersion = 'v1' | 'v2' | 'v3';

export interface SignedRequest {
  clientSecret: string;
  method: string;
  /** The full URL as it is called, query included. */
  url: string;
  /** The exact body; empty if there is none. */
  body: string;
  /** Epoch milliseconds. */
  timestamp: number;
}

/** `secret + body`, hex SHA-256. */
export function signV1(clientSecret: string, body: string): string {
  return createHash('sha256')
    .update(clientSecret + body)
    .digest('hex');
}

/** `secret + METHOD + URL + body`, hex SHA-256. */
export function signV2({ clientSecret, method, url, body }: Omit<SignedRequest, 'timestamp'>): string {
  return createHash('sha256')
    .update(clientSecret + method.toUpperCase() + url + body)
    .digest('hex');
}

/** `METHOD + URL + body + timestamp` with some of the URL decoded, base64 HMAC-SHA256 under the client secret. */
export function signV3({ clientSecret, method, url, body, timestamp }: SignedRequest): string {
  const signed = method.toUpperCase() + decodeUrlForV3(url) + body + timestamp;
  return createHmac('sha256', clientSecret).update(signed).digest('base64');
}

const decoded: Readonly<Record<string, string>> = {
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

/**
 * Decodes the sequences that HubSpot decodes before it signs, and no others.
 * One pass: `%253A` stays as it is.
 * https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
 */
export function decodeUrlForV3(url: string): string {
  return url.replace(/%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, (sequence) => {
    return decoded[sequence.toUpperCase()] ?? sequence;
  });
}

/**
 * The signature headers of a request. Versions 1 and 2 share a header, so at most one of them is sent.
 */
export function signatureHeaders(
  versions: readonly SignatureVersion[],
  request: SignedRequest,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const version of versions) {
    switch (version) {
      case 'v1':
        headers['X-HubSpot-Signature'] = signV1(request.clientSecret, request.body);
        headers['X-HubSpot-Signature-Version'] = 'v1';
        break;
      case 'v2':
        headers['X-HubSpot-Signature'] = signV2(request);
        headers['X-HubSpot-Signature-Version'] = 'v2';
        break;
      case 'v3':
        headers['X-HubSpot-Signature-v3'] = signV3(request);
        headers['X-HubSpot-Request-Timestamp'] = String(request.timestamp);
        break;
      default:
        version satisfies never;
    }
  }
  return headers;
}
