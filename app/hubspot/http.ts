import got, { type Method } from 'got';
import { type Logger, maskEmails } from '../logger.ts';
import type { CallLane } from './budget.ts';
import { withoutSecretErrors, withoutSecrets } from './error-body.ts';
import { HubSpotError } from './errors.ts';

export interface HubSpotRequest {
  readonly method: Method;
  readonly path: string;
  readonly query?: Record<string, string | number | boolean | readonly string[] | undefined>;
  readonly json?: unknown;
  readonly form?: Record<string, string>;
  readonly accessToken?: string;
  /** Whether repeating the request changes nothing more; by default GET, PUT and DELETE. */
  readonly idempotent?: boolean;
  /** Told the portal's limit of calls in ten seconds when the answer names it. */
  readonly onLimit?: (limit: number) => void;
  /** The caller sees to further tries itself. */
  readonly once?: boolean;
  /** Which of HubSpot's rate limits it counts against. */
  readonly lane?: CallLane;
}

/**
 * Sends one request and gives the parsed JSON body, `undefined` when the answer has none (204).
 * @throws {HubSpotError} for every status from 300, for no answer, and for a body that is not JSON.
 */
export type Send = (request: HubSpotRequest) => Promise<unknown>;

/** From connecting to the last byte; HubSpot's own slow endpoints answer well within it. */
const TIMEOUT_MS = 15_000;

export function createHubSpotHttp(apiUrl: string, logger: Logger, timeoutMs = TIMEOUT_MS): Send {
  const client = got.extend({
    retry: { limit: 0 },
    throwHttpErrors: false,
    followRedirect: false,
    timeout: { request: timeoutMs },
    headers: { 'user-agent': 'hubspot-public-app-server', accept: 'application/json' },
  });

  return async (request) => {
    const { method, path, query, json, form, accessToken, onLimit } = request;
    const started = performance.now();
    const about = { method, path: maskEmails(path) };
    let response: { statusCode: number; body: string; headers: Record<string, unknown> };
    try {
      response = await client(apiUrl + path + queryString(query), {
        method,
        ...(json !== undefined && { json }),
        ...(form && { form }),
        ...(accessToken && { headers: { authorization: `Bearer ${accessToken}` } }),
      });
    } catch (error) {
      // No cause: got's errors hold the request, and with it tokens and client secret.
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      throw new HubSpotError({ ...about, problem: `no answer (${reason})` });
    }

    const { statusCode: status, headers } = response;
    const correlationId = asText(headers['x-hubspot-correlation-id']);
    logger.debug(
      { ...about, status, correlationId, ms: Math.round(performance.now() - started) },
      'called HubSpot',
    );
    const limit = Number(headers['x-hubspot-ratelimit-max']);
    if (limit > 0) onLimit?.(limit);
    const body = parseJson(response.body);
    if (status >= 300) {
      const retryAfter = Number(headers['retry-after']) || undefined;
      const said = body.ok ? withoutSecrets(body.value, secretsOf(request)) : undefined;
      throw new HubSpotError({ ...about, status, retryAfter, correlationId }, said);
    }
    if (!body.ok) {
      throw new HubSpotError({ ...about, correlationId, problem: `${status} with a body that is not JSON` });
    }
    return status === 207 ? withoutSecretErrors(body.value, secretsOf(request)) : body.value;
  };
}

/** What HubSpot may repeat in the text of an error. */
const secretsOf = ({ accessToken, form = {}, query = {} }: HubSpotRequest): string[] =>
  [accessToken, form.code, form.refresh_token, form.token, form.client_secret, query.hapikey].filter(
    (secret) => typeof secret === 'string',
  );

function parseJson(text: string): { ok: true; value: unknown } | { ok: false } {
  if (text === '') return { ok: true, value: undefined };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

function queryString(query: HubSpotRequest['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [`${name}=${encodeURIComponent(Array.isArray(value) ? value.join(',') : String(value))}`],
  );
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

const asText = (value: unknown) => (typeof value === 'string' ? value : undefined);
