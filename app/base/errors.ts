/**
 * The errors that callers of this server see. `code` and `status` are the public contract; `message` tells a person what
 * happened, what was kept and what to do next.
 */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: string;
  /** HTTP status of the answer. */
  readonly status: number;
  /** Seconds until a retry makes sense; sent as `Retry-After`. */
  readonly retryAfter: number | undefined;
  /** Id of the conflicting record at HubSpot; sent with the message. */
  readonly existingId: string | undefined;
  /** Heading of the error page in a browser. */
  readonly title: string | undefined;
  /** Whether that page offers to start the install again. */
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
      existingId?: string | undefined;
      title?: string;
      startAgain?: boolean;
      reason?: string | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.existingId = options.existingId;
    this.title = options.title;
    this.startAgain = options.startAgain ?? false;
    this.reason = options.reason;
  }
}

export const invalidRequest = (message: string) => new AppError(400, 'invalid_request', message);

/** Gives the caller no detail, which would help only those who forge keys or signatures. */
export const unauthorized = (reason?: string) =>
  new AppError(401, 'unauthorized', 'This request is not authorised.', { reason });

export const notFound = (message: string) => new AppError(404, 'not_found', message);

export const installNotFound = (portalId: number) =>
  new AppError(
    404,
    'install_not_found',
    `Portal ${portalId} has not installed this app. Open /install to connect it.`,
  );

/** @param kind how the account was connected. */
export const needsReconnect = (portalId: number, kind: 'oauth' | 'access_token' = 'oauth') =>
  new AppError(
    409,
    'install_needs_reconnect',
    kind === 'oauth'
      ? `HubSpot no longer accepts the authorisation of portal ${portalId}. Nothing was sent. ` +
          'Ask the account to install the app again at /install.'
      : `HubSpot no longer accepts the access token of portal ${portalId}: it was rotated or deleted there. Nothing ` +
          `was sent. Give this server the new one: installs add ${portalId}.`,
  );
