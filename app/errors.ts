/**
 * The one family of errors that callers of this server see. `code` and `status` are the public contract,
 * `message` is for the person who reads it: what happened, what was kept, what to do.
 */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: string;
  /** HTTP status of the answer. */
  readonly status: number;
  /** Seconds after which trying again makes sense; sent as `Retry-After`. */
  readonly retryAfter: number | undefined;
  /** Heading of the page that a browser gets. */
  readonly title: string | undefined;
  /** True when that page offers to start the install again. */
  readonly startAgain: boolean;
  /** For the log only. */
  readonly reason: string | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    options: {
      cause?: unknown;
      retryAfter?: number;
      title?: string;
      startAgain?: boolean;
      reason?: string | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.title = options.title;
    this.startAgain = options.startAgain ?? false;
    this.reason = options.reason;
  }
}

export const invalidRequest = (message: string) => new AppError(400, 'invalid_request', message);

/** Says no more than no: what was wrong with a key or a signature helps only who forges one. */
export const unauthorized = (reason?: string) =>
  new AppError(401, 'unauthorized', 'This request is not authorised.', { reason });

export const notFound = (message: string) => new AppError(404, 'not_found', message);

export const installNotFound = (portalId: number) =>
  new AppError(
    404,
    'install_not_found',
    `Portal ${portalId} has not installed this app. Open /install to connect it.`,
  );

export const needsReconnect = (portalId: number) =>
  new AppError(
    409,
    'install_needs_reconnect',
    `HubSpot no longer accepts the authorisation of portal ${portalId}. Nothing was sent. ` +
      'Ask the account to install the app again at /install.',
  );

/** PostgreSQL's codes for a connection lost, refused, ended by an operator or a crash, one too many, or read-only. */
const AWAY_STATES = /^(?:08...|53...|57P0.|25006)$/;
const NETWORK_CODES = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
];
/** What pg says without a code. */
const DRIVER_WORDS =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired$|Query read timeout)|not queryable|after calling end on the pool/;

/** PostgreSQL's code for a table that does not exist. */
export const isUnmigrated = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === '42P01';

export const UNMIGRATED = 'The database is not migrated: run `npm run migrate` first.';

/** Whether a statement failed because the database could not be reached; it may work again in a moment. */
export function isDatabaseAway(error: unknown): boolean {
  const { code = '', syscall, message = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  if (AWAY_STATES.test(code) || NETWORK_CODES.includes(code)) return true;
  // A caller who goes away resets a connection too, but not in a system call of ours.
  return code === 'ECONNRESET' ? syscall !== undefined : DRIVER_WORDS.test(message);
}
