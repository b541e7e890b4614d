import { maskEmails } from '../../base/logger.ts';
import {
  describeDetail,
  type ErrorDetail,
  existingIdIn,
  nameDetail,
  readErrorBody,
  scopesNamed,
} from './error-body.ts';

export interface HubSpotFailure {
  readonly method: string;
  /** Path of the request, without query. */
  readonly path: string;
  /** Whether it is safe to repeat the request. By default true for GET, PUT, DELETE and HEAD. */
  readonly idempotent?: boolean | undefined;
  /** HTTP status; undefined when no response came or its body is unusable. */
  readonly status?: number | undefined;
  /** False when the request never left this server; by default true. */
  readonly sent?: boolean | undefined;
  /** False when no response came. By default the same as `sent`. */
  readonly answered?: boolean | undefined;
  /** Seconds to wait, from `Retry-After`. */
  readonly retryAfter?: number | undefined;
  readonly correlationId?: string | undefined;
  /** The account's data region, from `x-hubspot-correct-hublet`. */
  readonly correctHublet?: string | undefined;
  /** The scopes that the app requests at install. */
  readonly askedScopes?: readonly string[] | undefined;
  /** The access token was stored by hand (`installs add`) and not granted through OAuth. */
  readonly givenToken?: boolean | undefined;
  /** The rate limit because of which the request was not sent. A response names its own. */
  readonly policyName?: string | undefined;
  /** The problem when it is not a status: a timeout, a body that is not JSON. */
  readonly problem?: string | undefined;
  /** An additional sentence for people. */
  readonly note?: string | undefined;
}

/**
 * HubSpot rejected a request or did not answer it. Holds no headers, no request body and no token. It has no `cause`
 * on purpose, because the HTTP library's errors hold all three.
 */
export class HubSpotError extends Error {
  override readonly name = 'HubSpotError';
  readonly code = 'hubspot_error';
  readonly method: string;
  /** E-mail addresses in it are masked. */
  readonly path: string;
  /**
   * Undefined also for a response with an unusable body. 488 whenever HubSpot names the account's data region: the
   * response came from a region that does not know the account, so its 401, 404 or 409 means nothing.
   */
  readonly status: number | undefined;
  /** The account's data region, such as `eu1`, when another region answered. */
  readonly correctHublet: string | undefined;
  readonly retryAfter: number | undefined;
  /** False when the request never left this server. */
  readonly sent: boolean;
  /** False when no response came, usable or not. */
  readonly answered: boolean;
  /** HubSpot may have processed a request that is not idempotent, but did not confirm it. */
  readonly maybeDone: boolean;
  readonly correlationId: string | undefined;
  readonly category: string | undefined;
  readonly subCategory: unknown;
  readonly policyName: string | undefined;
  /** The missing scopes, one or more of which the call needs, when HubSpot names them. */
  readonly requiredScopes: readonly string[];
  /** Those of `requiredScopes` that the app requests. When there are none, reinstalling does not help. */
  readonly askedScopes: readonly string[];
  /** The token was stored by hand, so its own scopes count and not those that the app requests. */
  readonly givenToken: boolean;
  /** OAuth endpoints: `error` of RFC 6749, and HubSpot's older `status` word such as BAD_REFRESH_TOKEN. */
  readonly oauthError: string | undefined;
  readonly oauthStatus: string | undefined;
  /** The record that already has a value which must be unique, when HubSpot names it. */
  readonly existingId: string | undefined;
  readonly errors: readonly ErrorDetail[];
  /** `errors` for people, one line each: `firstname: is too long`. */
  readonly details: readonly string[];
  /** `errors` for logs, without the values: `firstname: INVALID_LENGTH`. */
  readonly problems: readonly string[];
  /** HubSpot's own message. */
  readonly said: string | undefined;
  /** Short, without data of the request: `429 RATE_LIMITS`. */
  readonly summary: string;

  readonly #failure: HubSpotFailure;
  readonly #body: unknown;

  constructor(failure: HubSpotFailure, body?: unknown) {
    const known = readErrorBody(body);
    const region = [known.correctHublet, failure.correctHublet].find(isRegion);
    const requiredScopes = [...new Set([known, ...known.errors].flatMap(scopesNamed))];
    const { givenToken = false } = failure;
    const asked = givenToken ? undefined : failure.askedScopes;
    const askedScopes = requiredScopes.filter((scope) => asked?.includes(scope) ?? true);
    const status = known.status === 'error' ? undefined : known.status;
    const words = [failure.status, known.category ?? status, needOf(requiredScopes, askedScopes)];
    if (region) words.push(`(the account is in ${region})`);
    const what = failure.problem ?? words.filter(Boolean).join(' ');
    const said = [known.message, failure.note].filter(Boolean).join('; ');
    const path = maskEmails(failure.path);
    super(`HubSpot: ${failure.method} ${path}: ${what}${said && `: ${said}`}`);
    this.#failure = failure;
    this.#body = body;
    this.method = failure.method;
    this.path = path;
    this.status = statusIn(region, failure.status);
    this.correctHublet = region;
    this.retryAfter = failure.retryAfter;
    this.sent = failure.sent ?? true;
    this.answered = failure.answered ?? this.sent;
    const unconfirmed = failure.status === undefined || failure.status >= 500;
    this.maybeDone = this.sent && unconfirmed && !isIdempotent(failure);
    this.correlationId = known.correlationId ?? failure.correlationId;
    this.category = known.category;
    this.subCategory = known.subCategory;
    this.policyName = known.policyName ?? failure.policyName;
    this.requiredScopes = requiredScopes;
    this.askedScopes = askedScopes;
    this.givenToken = givenToken;
    this.oauthError = known.error;
    this.oauthStatus = known.status;
    this.existingId = existingIdIn([known.message, ...known.errors.map(({ message }) => message)]);
    this.errors = known.errors;
    this.details = known.errors.flatMap((detail) => describeDetail(detail) ?? []);
    this.problems = known.errors.flatMap((detail) => nameDetail(detail) ?? []);
    this.said = known.message;
    this.summary = what;
  }

  /** The same error of another request, which was sent together with this one. */
  about({ method, path, idempotent }: Pick<HubSpotFailure, 'method' | 'path' | 'idempotent'>): HubSpotError {
    return new HubSpotError({ ...this.#failure, method, path, idempotent }, this.#body);
  }

  /** True when the same request may succeed later: timeout, locked, rate limit, wrong region, server error. */
  get transient(): boolean {
    return this.status === undefined || this.status < 400 || isTransientStatus(this.status);
  }

  /** The account's daily limit is used up, according to this response or an earlier one. */
  get dailyLimit(): boolean {
    return this.policyName === 'DAILY';
  }

  /** HubSpot occasionally answers from a data region that does not know the account. */
  get wrongRegion(): boolean {
    return this.status === WRONG_REGION || this.correctHublet !== undefined;
  }
}

const IDEMPOTENT = new Set(['GET', 'PUT', 'DELETE', 'HEAD']);

/** Whether it is safe to repeat the request. */
export const isIdempotent = ({ idempotent, method }: { idempotent?: boolean | undefined; method: string }) =>
  idempotent ?? IDEMPOTENT.has(method);

/** Not documented, but observed: "Hub 62516 is unknown to this Hublet, but it appears to exist in Hublet eu1". */
export const WRONG_REGION = 488;

/** Explains a response from the wrong data region to people; undefined for other errors. */
export function explainRegion({ wrongRegion, correctHublet }: HubSpotError): string | undefined {
  if (!wrongRegion) return undefined;
  const where = correctHublet ? `, which is in ${correctHublet}` : '';
  return `HubSpot answered from a data region that does not know this account${where}.`;
}

export const DAILY_LIMIT =
  'The account’s daily call limit is used up; it resets at midnight in the account’s time zone.';

/** The scopes that a call needs, for `summary`. */
function needOf(required: readonly string[], asked: readonly string[]): string | undefined {
  if (required.length === 0) return undefined;
  const unasked = asked.length === 0 ? ', not requested by the app' : '';
  return `(needs ${required.join(' or ')}${unasked})`;
}

/** Which scopes an install lacks, and whether reinstalling the app helps; undefined when HubSpot names none. */
export function explainScopes(error: HubSpotError): string | undefined {
  const { requiredScopes, askedScopes, givenToken } = error;
  if (requiredScopes.length === 0) return undefined;
  const single = requiredScopes.length === 1;
  const lacking = single ? 'a scope' : 'one or more of these scopes';
  const lacks = `This install lacks ${lacking}: ${requiredScopes.join(', ')}.`;
  if (givenToken) {
    return `${lacks} Give its access token ${single ? 'it' : 'what is needed'} in HubSpot, then store the token again with \`installs add\`.`;
  }
  if (askedScopes.length > 0) {
    return `${lacks} The app requests ${single ? 'it' : askedScopes.join(', ')}: ask the account to install the app again.`;
  }
  return (
    `${lacks} The app does not request it, so reinstalling does not help: declare it in the project and, if ` +
    'they are set, in HUBSPOT_SCOPES or HUBSPOT_OPTIONAL_SCOPES first.'
  );
}

const TRANSIENT = new Set([408, 423, 429, 477, WRONG_REGION]);

/** 408 request timeout, 423 locked, 429 rate limit, 477 account moving between regions, 488 wrong region, and all from 500. */
export const isTransientStatus = (status: number) => TRANSIENT.has(status) || status >= 500;

const isRegion = (text: string | undefined) => text !== undefined && /^[\w-]{1,20}$/.test(text);

const statusIn = (region: string | undefined, status: number | undefined) =>
  region === undefined || status === undefined || isTransientStatus(status) ? status : WRONG_REGION;
