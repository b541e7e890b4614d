import type { Request, RequestHandler, Response } from 'express';
import type { SandboxContext } from '../context.ts';
import type { ChangeSource } from '../state/record.ts';
import type { AccessToken } from '../state/tokens.ts';
import { ApiError } from './api-error.ts';

/** Accepts requests with a valid access token and counts them against the portal's limits. */
export function bearer({
  tokens,
  privateApps,
  clock,
  settings,
  rateLimit,
  searchRateLimit,
}: SandboxContext): RequestHandler {
  return (req, res, next) => {
    const token = /^Bearer (\S+)$/i.exec(req.get('authorization') ?? '')?.[1];
    const access =
      token === undefined ? undefined : (tokens.findAccessToken(token) ?? privateApps.find(token));
    if (!access) throw invalidAuthentication(token === undefined);
    if (access.expiresAt <= clock.now()) throw expiredAuthentication(access, clock.now());

    const app = settings.get();
    const key = `${app.appId}/${access.portalId}`;
    if (isSearch(req)) {
      if (app.searchRateLimit !== null && searchRateLimit.take(key, app.searchRateLimit) < 0) {
        throw rateLimited('You have reached your secondly limit.', 'SECONDLY');
      }
    } else if (app.rateLimit !== null) {
      const remaining = rateLimit.take(key, app.rateLimit);
      res.set({
        'X-HubSpot-RateLimit-Max': String(app.rateLimit),
        'X-HubSpot-RateLimit-Remaining': String(Math.max(remaining, 0)),
        'X-HubSpot-RateLimit-Interval-Milliseconds': String(rateLimit.windowMs),
      });
      if (remaining < 0) {
        throw rateLimited('You have reached your ten_secondly_rolling limit.', 'TEN_SECONDLY_ROLLING');
      }
    }

    res.locals.access = access;
    next();
  };
}

/** The access token of a request that passed `bearer`. */
export function accessOf(res: Response): AccessToken {
  return res.locals.access as AccessToken;
}

/** Throws 403 unless the token has one of the scopes. HubSpot's messages for 401 and 403 repeat the token. */
export function requireScope(res: Response, anyOf: readonly string[]): void {
  const { token, scopes } = accessOf(res);
  if (anyOf.some((scope) => scopes.includes(scope))) return;
  const link = 'https://developers.hubspot.com/scopes';
  throw new ApiError(
    403,
    'MISSING_SCOPES',
    `This oauth-token (${token}) does not have proper permissions! (requires any of [${anyOf.join(', ')}])`,
    {
      errors: [
        {
          message: 'One or more of the following scopes are required.',
          context: { requiredGranularScopes: [...anyOf] },
        },
      ],
      links: { scopes: link },
    },
  );
}

/** The app is the source of changes through the API. */
export function apiSource(appId: number): ChangeSource {
  return { changeSource: 'INTEGRATION', sourceId: String(appId) };
}

function isSearch(req: Request): boolean {
  return req.method === 'POST' && req.path.endsWith('/search');
}

export function invalidAuthentication(missing: boolean): ApiError {
  const message = missing
    ? 'Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview'
    : 'The access token is not valid. It may have been revoked, or the app may have been uninstalled.';
  return new ApiError(401, 'INVALID_AUTHENTICATION', message);
}

function expiredAuthentication({ token, expiresAt }: AccessToken, now: number): ApiError {
  return new ApiError(
    401,
    'EXPIRED_AUTHENTICATION',
    `This oauth-token (${token}) is expired! expiresAt: ${expiresAt}, now: ${now}`,
    { context: { expireTime: [new Date(expiresAt).toISOString()] } },
  );
}

function rateLimited(message: string, policyName: string): ApiError {
  return new ApiError(429, 'RATE_LIMITS', message, { errorType: 'RATE_LIMIT', policyName });
}
