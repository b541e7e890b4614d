import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { ACCESS_TOKEN_SECONDS, type AccessToken } from '../state/tokens.ts';
import { introspect } from './introspection.ts';

const text = z.string().default('').catch('');
const form = z.object({
  grant_type: text,
  client_id: text,
  client_secret: text,
  code: text,
  redirect_uri: text,
  refresh_token: text,
  token: text,
});

const tokenPaths = ['v3', '2026-03', '2026-09'].map((version) => `/oauth/${version}/token`);
const below = (suffix: string) => tokenPaths.map((path) => path + suffix);

/** Token, introspection and revocation for all versions of paths: `/oauth/{version}/token…`. */
export function oauthApi(ctx: SandboxContext): Router {
  const { tokens, settings } = ctx;
  const router = Router();

  router.post(['/oauth/v1/token', ...tokenPaths], (req, res) => {
    const fields = formOf(req);
    if (!['authorization_code', 'refresh_token'].includes(fields.grant_type)) {
      return refuse(res, 'unsupported_grant_type', 'BAD_GRANT_TYPE', 'missing or unknown grant type');
    }
    if (!checkClient(res, fields)) return;

    if (fields.grant_type === 'refresh_token') {
      const refreshed = tokens.refresh(fields.refresh_token, settings.get().rotateRefreshTokens);
      if (!refreshed) {
        const message = 'refresh token is invalid, expired or revoked';
        return refuse(res, 'invalid_grant', 'BAD_REFRESH_TOKEN', message);
      }
      return answerTokens(res, refreshed);
    }

    const redeemed = tokens.redeemCode(fields.code, fields.redirect_uri);
    if ('grant' in redeemed) return answerTokens(res, tokens.install(redeemed.grant));
    switch (redeemed.problem) {
      case 'unknown':
        return refuse(res, 'invalid_grant', 'BAD_AUTH_CODE', 'missing or unknown auth code');
      case 'expired':
        return refuse(res, 'invalid_grant', 'EXPIRED_AUTH_CODE', 'auth code is expired');
      case 'redirect':
        return refuse(res, 'invalid_grant', 'BAD_REDIRECT_URI', 'missing or mismatched redirect uri');
      default:
        return redeemed.problem satisfies never;
    }
  });

  router.post(below('/introspect'), (req, res) => {
    const fields = formOf(req);
    if (!checkClient(res, fields)) return;
    res.json(introspect(ctx, fields.token));
  });

  router.post(below('/revoke'), (req, res) => {
    const fields = formOf(req);
    if (!checkClient(res, fields)) return;
    tokens.revoke(fields.token);
    res.status(204).end();
  });

  /** Sends the error response itself when the client is not the app. */
  function checkClient(res: Response, { client_id, client_secret }: z.infer<typeof form>): boolean {
    const app = settings.get();
    if (client_id !== app.clientId) {
      refuse(res, 'invalid_client', 'BAD_CLIENT_ID', 'missing or unknown client id');
      return false;
    }
    if (client_secret !== app.clientSecret) {
      refuse(res, 'invalid_client', 'BAD_CLIENT_SECRET', 'missing or invalid client secret');
      return false;
    }
    return true;
  }

  return router;
}

/** Only form bodies are accepted: HubSpot retires v1 because secrets were sent in query strings. */
function formOf(req: Request): z.infer<typeof form> {
  return form.parse(req.is('application/x-www-form-urlencoded') ? req.body : {});
}

function answerTokens(res: Response, issued: { access: AccessToken; refreshToken: string }) {
  const { token, portalId, userId, scopes } = issued.access;
  res.set('Cache-Control', 'no-store').json({
    token_type: 'bearer',
    access_token: token,
    refresh_token: issued.refreshToken,
    expires_in: ACCESS_TOKEN_SECONDS,
    hub_id: portalId,
    scopes,
    user_id: userId,
    token_use: 'access_token',
  });
}

/** RFC 6749 fields together with HubSpot's older ones, always with 400. */
function refuse(res: Response, error: string, status: string, message: string) {
  res.status(400).json({ error, error_description: message, status, message });
}
