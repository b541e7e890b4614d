import type { Method } from 'got';
import { AppError } from '../../base/errors.ts';
import { HubSpotError } from './errors.ts';
import type { HubSpotRequest, Send } from './http.ts';
import { traitsOf } from './request-traits.ts';

/** SDKs use it by default. Requests to it go to the configured API URL, so that they reach the sandbox as well. */
const PUBLIC_ORIGIN = 'https://api.hubapi.com';

/** Set by us or by the HTTP library; `authorization` is the portal's token, never the caller's. */
const OWN_HEADERS = [
  'authorization',
  'accept-encoding',
  'connection',
  'content-length',
  'cookie',
  'host',
  'transfer-encoding',
];

/**
 * The global `fetch` for one portal: with its token, call budget, deadline and retries. As with `fetch`, an error
 * status is returned after the last retry, not thrown. Redirects are not followed.
 * @throws {AppError} for a URL outside HubSpot's API: the token is never sent to another origin.
 * @throws {HubSpotError} when no answer came or nothing was sent.
 */
export function createFetch(send: Send, apiUrl: string): typeof fetch {
  const origins = new Set([new URL(apiUrl).origin, PUBLIC_ORIGIN]);
  return async (input, init) => {
    const target = typeof input === 'object' && 'url' in input ? input : new URL(input, apiUrl);
    const given = new Request(target, init);
    const url = new URL(given.url);
    if (!origins.has(url.origin)) throw foreign(url.origin);
    const { signal } = given;
    signal.throwIfAborted();
    const body = new Uint8Array(await given.arrayBuffer());
    const headers = new Headers(given.headers);
    for (const name of OWN_HEADERS) headers.delete(name);

    const method = given.method.toUpperCase();
    let last: Response | undefined;
    const request: HubSpotRequest = {
      method: method as Method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      json: jsonOf(headers, body),
      signal,
      raw: {
        search: url.search,
        headers: Object.fromEntries(headers),
        body: body.length > 0 ? body : undefined,
        onResponse(response) {
          last = response;
        },
      },
      ...traitsOf(method, url.pathname),
    };
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      await Promise.race([send(request), aborted]);
    } catch (error) {
      signal.throwIfAborted();
      // A retry that was not sent leaves the response before it.
      const stands = error instanceof HubSpotError && (error.answered || !error.sent);
      if (!stands || !last) throw error;
    }
    if (!last) throw new TypeError('HubSpot sent no response.');
    return last;
  };
}

/** The parsed body, to tell which records a request changes. */
function jsonOf(headers: Headers, body: Uint8Array): unknown {
  if (body.length === 0 || !headers.get('content-type')?.includes('json')) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

const foreign = (origin: string) =>
  new AppError(
    400,
    'not_hubspot',
    `hubspot.fetch only sends to HubSpot's API, not to ${origin}. Nothing was sent; use the global fetch for other hosts.`,
  );
