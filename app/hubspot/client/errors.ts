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
  /** Whether repeating the request changes nothing more; by default that of GET, PUT, DELETE and HEAD. */
  readonly idempotent?: boolean | undefined;
  /** HTTP status of the answer; undefined when none came or it cannot be used. */
  readonly status?: number | undefined;
  /** False when the request never left this server; by default true. */
  readonly sent?: boolean | undefined;
  /** False when no answer came; by default true for what was sent. */
  readonly answered?: boolean | undefined;
  /** Seconds to wait, from `Retry-After`. */
  readonly retryAfter?: number | undefined;
  readonly correlationId?: string | undefined;
  /** The account's data region, from `x-hubspot-correct-hublet`. */
  readonly correctHublet?: string | undefined;
  /** The scopes that the app asks for when it is installed. */
  readonly askedScopes?: readonly string[] | undefined;
  /** The access token was given to this server: no consent of the app stands behind it. */
  readonly givenToken?: boolean | undefined;
  /** Which of HubSpot's limits keeps a request back that was not sent; an answer names its own. */
  readonly policyName?: string | undefined;
  /** What is wrong when it is not a status: no answer in time, an answer that is not JSON. */
  readonly problem?: string | undefined;
  /** What else there is to say of it to people. */
  readonly note?: string | undefined;
}

/**
 * HubSpot refused a request or did not answer it. Carries no header, no body of ours and no token; its cause is
 * left out on purpose, as the HTTP library's errors hold all three.
 */
export class HubSpotError extends Error {
  override readonly name = 'HubSpotError';
  readonly code = 'hubspot_error';
  readonly method: string;
  /** E-mail addresses in it are masked. */
  readonly path: string;
  /**
   * Undefined also where an answer came that cannot be used. 488 whenever HubSpot names the account's data region: the
   * answer is that of a region which does not know the account, so its 401, 404 or 409 means nothing.
   */
  readonly status: number | undefined;
  /** The account's data region, such as `eu1`, where HubSpot answered from another one. */
  readonly correctHublet: string | undefined;
  readonly retryAfter: number | undefined;
  /** False when the request never left this server. */
  readonly sent: boolean;
  /** False when no answer came, usable or not. */
  readonly answered: boolean;
  /** HubSpot may have carried out what must not be done twice, and did not confirm it. */
  readonly maybeDone: boolean;
  readonly correlationId: string | undefined;
  readonly category: string | undefined;
  readonly subCategory: unknown;
  readonly policyName: string | undefined;
  /** The scopes of which the call needs one or more, where the install lacks them and HubSpot says which. */
  readonly requiredScopes: readonly string[];
  /** Those of them that the app asks for: where it asks for none, installing it again cannot help. */
  readonly askedScopes: readonly string[];
  /** The token's own scopes count, not those that the app asks for: it was given to this server. */
  readonly givenToken: boolean;
  /** OAuth endpoints: `error` of RFC 6749, and HubSpot's older `status` word such as BAD_REFRESH_TOKEN. */
  readonly oauthError: string | undefined;
  readonly oauthStatus: string | undefined;
  /** The record that holds a value already which must be unique, where HubSpot says so. */
  readonly existingId: string | undefined;
  readonly errors: readonly ErrorDetail[];
  /** The same for people, one line each: `firstname: is too long`. */
  readonly details: readonly string[];
  /** The same for logs, without the values: `firstname: INVALID_LENGTH`. */
  readonly problems: readonly string[];
  /** HubSpot's own sentence. */
  readonly said: string | undefined;
  /** In a few words, without anything of the request: `429 RATE_LIMITS`. */
  readonly summary: string;

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

  /** True when the same request may succeed later: no answer, locked, rate limit, region, server trouble. */
  get transient(): boolean {
    return this.status === undefined || this.status < 400 || isTransientStatus(this.status);
  }

  /** The account's limit of the day is used up: HubSpot said so, of this call or of one before. */
  get dailyLimit(): boolean {
    return this.policyName === 'DAILY';
  }

  /** HubSpot answered from a data region that does not know the account, as it does now and then. */
  get wrongRegion(): boolean {
    return this.status === WRONG_REGION || this.correctHublet !== undefined;
  }
}

const REPEATABLE = new Set(['GET', 'PUT', 'DELETE', 'HEAD']);

/** Whether repeating the request changes nothing more. */
export const isIdempotent = ({ idempotent, method }: { idempotent?: boolean | undefined; method: string }) =>
  idempotent ?? REPEATABLE.has(method);

/** Not documented, but met: "Hub 62516 is unknown to this Hublet, but it appears to exist in Hublet eu1". */
export const WRONG_REGION = 488;

/** What an answer from the wrong data region means, for people; undefined for other answers. */
export function explainRegion({ wrongRegion, correctHublet }: HubSpotError): string | undefined {
  if (!wrongRegion) return undefined;
  const where = correctHublet ? `, which is in ${correctHublet}` : '';
  return `HubSpot answered from a data region that does not know this account${where}.`;
}

export const DAILY_LIMIT =
  'The account’s daily limit of calls is used up; it begins anew at midnight in the account’s time zone.';

/** Scopes that a call needs, in a few words. */
function needOf(required: readonly string[], asked: readonly string[]): string | undefined {
  if (required.length === 0) return undefined;
  const unasked = asked.length === 0 ? ', not asked for by the app' : '';
  return `(needs ${required.join(' or ')}${unasked})`;
}

/** Which scopes an install lacks, and whether installing the app again helps; undefined where HubSpot names none. */
export function explainScopes(error: HubSpotError): string | undefined {
  const { requiredScopes, askedScopes, givenToken } = error;
  if (requiredScopes.length === 0) return undefined;
  const single = requiredScopes.length === 1;
  const lacking = single ? 'a scope' : 'one or more of these scopes';
  const lacks = `This install lacks ${lacking} for that: ${requiredScopes.join(', ')}.`;
  if (givenToken) {
    return `${lacks} Give its access token ${single ? 'it' : 'what is needed'} in HubSpot, then store the token again with \`installs add\`.`;
  }
  if (askedScopes.length > 0) {
    return `${lacks} The app asks for ${single ? 'it' : askedScopes.join(', ')}: ask the account to install the app again.`;
  }
  return (
    `${lacks} The app asks for no such scope, so installing again does not help: declare it in the project and, where ` +
    'they are set, in HUBSPOT_SCOPES or HUBSPOT_OPTIONAL_SCOPES first.'
  );
}

const PASSES = new Set([408, 423, 429, 477, WRONG_REGION]);

/** 408 not received in time, 423 locked, 429 rate limit, 477 account moving between regions, 488 wrong region, and everything from 500. */
export const isTransientStatus = (status: number) => PASSES.has(status) || status >= 500;

const isRegion = (text: string | undefined) => text !== undefined && /^[\w-]{1,20}$/.test(text);

const statusIn = (region: string | undefined, status: number | undefined) =>
  region === undefined || status === undefined || isTransientStatus(status) ? status : WRONG_REGION;
