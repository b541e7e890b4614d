import got, { type Method } from 'got';
import { type Logger, maskEmails } from '../../base/logger.ts';
import type { CallLane, RateHeaders } from './budget.ts';
import { withoutSecretErrors, withoutSecrets } from './error-body.ts';
import { HubSpotError, isIdempotent } from './errors.ts';

export interface HubSpotRequest {
  readonly method: Method;
  readonly path: string;
  /** Lists are joined by commas; empty lists are left out. */
  readonly query?: Record<string, string | number | boolean | readonly string[] | undefined>;
  readonly json?: unknown;
  readonly form?: Record<string, string>;
  readonly accessToken?: string;
  /** The token was stored by hand and not granted through OAuth. */
  readonly givenToken?: boolean;
  /** By default true for GET, PUT, DELETE and HEAD. */
  readonly idempotent?: boolean;
  /** Called with the portal's rate limit when the answer contains it. */
  readonly onRate?: (rate: RateHeaders) => void;
  /** Milliseconds after which the request times out. */
  readonly timeoutMs?: number;
  /** The caller retries itself. */
  readonly once?: boolean;
  /** Has the deadline and the priority of background calls. */
  readonly patient?: boolean;
  /** Which of HubSpot's rate limits it counts against. */
  readonly lane?: CallLane;
  readonly signal?: AbortSignal;
  /** How it can be sent together with others. */
  readonly together?: Together | undefined;
  /** Sent instead of `query`, `json` and `form`, which then only describe the request. */
  readonly raw?: RawRequest;
}

/** How a request can be sent together with others of its kind, as one batch request. */
export interface Together {
  /** Requests with the same kind fit into one batch: same type, same properties. */
  readonly kind: string;
  /** What it reads or writes. Reads of the same subject are one; writes of the same subject are sent in order. */
  readonly subject: string;
  readonly isWrite: boolean;
  readonly limit: number;
  readonly input: unknown;
  batchRequest(inputs: readonly unknown[]): HubSpotRequest;
  /**
   * Finds the response that the request would have got by itself.
   * @param results of the batch.
   * @returns undefined unless the results clearly contain it; the request is then sent by itself.
   */
  response(results: readonly unknown[], index: number): unknown;
}

/** A request that is sent as it is, and whose response is passed on as it is. */
export interface RawRequest {
  /** `?name=value`, or empty. */
  readonly search: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** Called with each response, those with an error status included. */
  onResponse(response: Response): void;
}

/**
 * Sends one request and returns the parsed JSON body, `undefined` when there is none (204).
 * @throws {HubSpotError} for every status from 300, when no response came, and for a body that is not JSON.
 */
export type Send = (request: HubSpotRequest) => Promise<unknown>;

/** From connecting to the last byte. HubSpot's slow endpoints answer well within it. */
const TIMEOUT_MS = 15_000;

/** The connection was never made. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** @param askedScopes the scopes that the app requests, so that a 403 can say whether a missing one is among them. */
export function createHubSpotHttp(
  apiUrl: string,
  logger: Logger,
  timeoutMs = TIMEOUT_MS,
  askedScopes?: readonly string[],
): Send {
  const client = got.extend({
    retry: { limit: 0 },
    throwHttpErrors: false,
    followRedirect: false,
    headers: { 'user-agent': 'hubspot-public-app-server', accept: 'application/json' },
  });

  return async (request) => {
    const { method, path, query, json, form, raw, accessToken, onRate, signal } = request;
    const started = performance.now();
    const about = { method, path, idempotent: request.idempotent };
    let response: { statusCode: number; body: string; rawBody: Uint8Array; headers: Headers };
    try {
      response = await client(apiUrl + path + (raw?.search ?? queryString(query)), {
        method,
        timeout: { request: Math.max(1, Math.min(timeoutMs, request.timeoutMs ?? timeoutMs)) },
        ...(raw
          ? raw.body && { body: raw.body }
          : { ...(json !== undefined && { json }), ...(form && { form }) }),
        headers: { ...raw?.headers, ...(accessToken && { authorization: `Bearer ${accessToken}` }) },
        ...(signal && { signal }),
      });
    } catch (error) {
      // No cause: got's errors hold the request, and with it tokens and client secret.
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      const sent = !NEVER_SENT.has(reason);
      const note = sent && !isIdempotent(request) ? 'it was sent and may have been carried out' : undefined;
      throw new HubSpotError({ ...about, problem: `no answer (${reason})`, sent, answered: false, note });
    }

    const { statusCode: status, headers } = response;
    const correlationId = asText(headers['x-hubspot-correlation-id']);
    logger.debug(
      { method, path: maskEmails(path), status, correlationId, ms: Math.round(performance.now() - started) },
      'called HubSpot',
    );
    const rate = rateOf(headers);
    if (rate) onRate?.(rate);
    raw?.onResponse(asResponse(status, headers, response.rawBody));
    const body = parseJson(response.body);
    if (status >= 300) {
      const retryAfter = retryAfterOf(headers);
      const correctHublet = asText(headers['x-hubspot-correct-hublet']);
      const said = body.ok ? withoutSecrets(body.value, secretsOf(request)) : undefined;
      const { givenToken } = request;
      const answered = { status, retryAfter, correlationId, correctHublet, askedScopes, givenToken };
      throw new HubSpotError({ ...about, ...answered }, said);
    }
    if (raw) return body.ok ? body.value : undefined;
    if (!body.ok) {
      throw new HubSpotError({ ...about, correlationId, problem: `${status} with a body that is not JSON` });
    }
    // Responses to writes may have no body; that of a read was lost in transit.
    if (method === 'GET' && body.value === undefined) {
      throw new HubSpotError({ ...about, correlationId, problem: `${status} without a body` });
    }
    return status === 207 ? withoutSecretErrors(body.value, secretsOf(request)) : body.value;
  };
}

/** Secrets that HubSpot may repeat in the text of an error. */
const secretsOf = ({ accessToken, form = {}, query = {} }: HubSpotRequest): string[] =>
  [accessToken, form.code, form.refresh_token, form.token, form.client_secret, query.hapikey].filter(
    (secret) => typeof secret === 'string',
  );

function rateOf(headers: Headers): RateHeaders | undefined {
  const limit = numberIn(headers['x-hubspot-ratelimit-max']);
  if (!limit) return undefined;
  return {
    limit,
    remaining: numberIn(headers['x-hubspot-ratelimit-remaining']),
    intervalMs: numberIn(headers['x-hubspot-ratelimit-interval-milliseconds']),
  };
}

/** Seconds from `Retry-After`: a number, or a date by the server's clock (RFC 9110). */
function retryAfterOf(headers: Headers): number | undefined {
  const said = asText(headers['retry-after']);
  if (said === undefined) return undefined;
  const seconds =
    numberIn(said) ?? (Date.parse(said) - (Date.parse(asText(headers.date) ?? '') || Date.now())) / 1000;
  return seconds > 0 ? Math.ceil(seconds) : undefined;
}

/** Statuses whose responses have no body. */
const WITHOUT_BODY = new Set([204, 205, 304]);
/** They describe the body as it was sent, which got has decompressed. */
const OF_THE_WIRE = new Set(['content-encoding', 'content-length', 'transfer-encoding', 'connection']);

function asResponse(status: number, headers: Headers, body: Uint8Array): Response {
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    OF_THE_WIRE.has(name) ? [] : [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  return new Response(WITHOUT_BODY.has(status) ? null : new Uint8Array(body), { status, headers: kept });
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false } {
  if (text === '') return { ok: true, value: undefined };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

/** `?name=value&…` as it is sent, empty for none. */
export function queryString(query: HubSpotRequest['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    isUnset(value)
      ? []
      : [`${name}=${encodeURIComponent(Array.isArray(value) ? value.join(',') : String(value))}`],
  );
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

export const isUnset = (value: unknown) =>
  value === undefined || (Array.isArray(value) && value.length === 0);

type Headers = Readonly<Record<string, unknown>>;

/** A number of at least 0. */
function numberIn(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return number >= 0 && Number.isFinite(number) ? number : undefined;
}

const asText = (value: unknown) => (typeof value === 'string' ? value : undefined);
