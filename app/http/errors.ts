import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { AppError, invalidRequest, notFound } from '../base/errors.ts';
import { maskEmails } from '../base/logger.ts';
import { isDatabaseAway } from '../db/errors.ts';
import { furtherDetails } from '../hubspot/client/error-body.ts';
import { DAILY_LIMIT, explainRegion, explainScopes, HubSpotError } from '../hubspot/client/errors.ts';
import { limitWait } from '../hubspot/client/retry.ts';
import { compressed, tooLarge } from './signature/raw-body.ts';

export const unknownRoute: RequestHandler = (req, _res, next) => {
  const plain = req.path.replace(NEEDLESS_ESCAPE, (escaped) => decodeURIComponent(escaped));
  const hint = plain === req.path ? '' : ` Paths are matched without decoding: did you mean ${plain}?`;
  next(notFound(`This server has no ${req.method} ${req.path}.${hint}`));
};

/** Escapes of letters, digits and -._~, which RFC 3986 (6.2.2.2) calls equivalent to the plain character. */
const NEEDLESS_ESCAPE = /%(?:2[de]|3\d|4[1-9a-f]|5[\daf]|6[1-9a-f]|7[\dae])/gi;

/** The last middleware: answers every error in one format, and is the only place that logs it. */
export const errorHandler: ErrorRequestHandler = (error, req, res, next) => {
  const known = toAppError(error);
  if (known.status >= 500) req.log.error({ err: error }, known.message);
  else
    req.log[known.reason ? 'warn' : 'info']({ code: known.code, reason: known.reason }, forLog(error, known));
  // The answer has started: Express closes the connection, so that the caller sees it is incomplete.
  if (res.headersSent) return next(error);

  res.status(known.status);
  // The rest of a body that was rejected half-way is not read.
  if (known.code === 'busy' && !req.complete) res.set('Connection', 'close');
  if (known.retryAfter) res.set('Retry-After', String(known.retryAfter));
  if (wantsPage(req)) renderErrorPage(req, res, known);
  else res.json({ error: errorBody(req, known) });
};

const errorBody = (req: Request, error: AppError) => ({
  code: error.code,
  message: messageFor(req, error),
  ...(error.existingId && { existingId: error.existingId }),
  requestId: req.id,
});

/** Errors of requests that were not carried out, and the consequence by method. */
const NOT_CARRIED_OUT = ['invalid_request', 'body_too_large', 'unsupported_encoding'];
const CONSEQUENCES: Readonly<Record<string, string>> = {
  POST: 'Nothing was stored.',
  PUT: 'Nothing was stored.',
  PATCH: 'Nothing was stored.',
  DELETE: 'Nothing was changed.',
};

function messageFor({ method }: Request, { code, message }: AppError): string {
  const consequence = NOT_CARRIED_OUT.includes(code) ? CONSEQUENCES[method] : undefined;
  return consequence ? `${message} ${consequence}` : message;
}

/** HubSpot's messages may repeat personal data. The log line of the call names the fields. */
const forLog = (error: unknown, known: AppError) =>
  error instanceof HubSpotError ? `HubSpot rejected a request: ${error.summary}` : maskEmails(known.message);

const wantsPage = (req: Request) => req.accepts(['json', 'html']) === 'html';

function renderErrorPage(req: Request, res: Response, error: AppError) {
  res.render('error', {
    title: error.title ?? TITLES[error.status] ?? 'Something went wrong',
    message: messageFor(req, error),
    startAgain: error.startAgain,
    requestId: req.id,
  });
}

const TITLES: Record<number, string> = {
  400: 'This address is not right',
  401: 'Not authorised',
  404: 'There is no such page',
  503: 'Not available now',
};

/** What body-parser and Express throw for a caller's mistake: `status` is below 500. */
interface HttpError extends Error {
  readonly status?: number;
  readonly type?: string;
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HubSpotError) return fromHubSpot(error);
  if (isDatabaseAway(error)) return databaseAway(error);
  const { status = 500, type } = (error ?? {}) as HttpError;
  if (type === 'entity.too.large') return tooLarge();
  if (type === 'entity.parse.failed') return invalidRequest('The body is not valid JSON.');
  if (type === 'encoding.unsupported') return compressed();
  if (error instanceof URIError) return invalidRequest('The URL holds a malformed percent-encoding.');
  if (status >= 400 && status < 500)
    return new AppError(status, 'invalid_request', 'The request could not be read.');
  return new AppError(
    500,
    'internal_error',
    'Something went wrong on this server. The operator finds the error in the log by the request id.',
  );
}

const databaseAway = (cause: unknown) =>
  new AppError(
    503,
    'database_unavailable',
    'The database of this server does not answer. Stored data is kept; try again shortly.',
    { cause, retryAfter: 5 },
  );

/** HubSpot's reason goes to the caller when the caller's values caused the error. */
function fromHubSpot(error: HubSpotError): AppError {
  const options = { cause: error, existingId: error.existingId };
  if (error.maybeDone) {
    return new AppError(
      502,
      'hubspot_unconfirmed',
      'HubSpot did not confirm the request, which may have been carried out. Check before you send it again.',
      options,
    );
  }
  if (error.dailyLimit) {
    const waitMs = limitWait(error) ?? 0;
    const nextTry = new Date(Date.now() + waitMs).toISOString();
    return new AppError(
      503,
      'hubspot_daily_limit',
      `${DAILY_LIMIT} Nothing was done; try again at ${nextTry}.`,
      { ...options, retryAfter: Math.ceil(waitMs / 1000) },
    );
  }
  if (error.transient) {
    return new AppError(
      503,
      'hubspot_unavailable',
      `${transientProblem(error)} Nothing was lost; try again shortly.`,
      {
        ...options,
        retryAfter: error.retryAfter ?? 5,
      },
    );
  }
  const reason = reasonOf(error);
  if (error.status === 404) {
    const message = `HubSpot has no such record in this portal${reason ? `: ${reason}` : '.'}`;
    return new AppError(404, 'not_found', message, options);
  }
  if (CALLER_MISTAKES.has(error.status)) {
    return new AppError(
      error.status === 409 ? 409 : 400,
      'refused_by_hubspot',
      `HubSpot rejected the values: ${reason ?? error.category ?? 'no reason given'}`,
      options,
    );
  }
  if (error.status === 403 && isAboutScopes(error)) {
    return new AppError(
      403,
      'missing_scopes',
      explainScopes(error) ??
        'This install lacks a required scope. Ask the account to install the app again.',
      options,
    );
  }
  return new AppError(
    502,
    'hubspot_error',
    `HubSpot rejected a request of this server${reason ? `: ${asSentence(reason)}` : '.'} The log of this server has the details.`,
    options,
  );
}

const transientProblem = (error: HubSpotError): string =>
  explainRegion(error) ?? 'HubSpot is currently unavailable.';

/** HubSpot's statuses for a caller's mistake: invalid values, a conflict, too many of them. */
const CALLER_MISTAKES = new Set<number | undefined>([400, 409, 413, 414, 422]);

/** HubSpot's message and the fields that it names. */
function reasonOf({ said = '', errors }: HubSpotError): string | undefined {
  return `${said} ${furtherDetails(said, errors).join('; ')}`.trim() || undefined;
}

const asSentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

/** HubSpot names missing scopes; its other errors with 403 are about rights that no new consent gives. */
const isAboutScopes = ({ category, requiredScopes }: HubSpotError) =>
  category === 'MISSING_SCOPES' || requiredScopes.length > 0;
