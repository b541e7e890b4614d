import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import { HubSpotError } from '../client/errors.ts';
import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';

/** HubSpot's tokens live 30 minutes (November 2026). Used when a response has no valid lifetime. */
const DEFAULT_LIFETIME_SECONDS = 1800;
const LONGEST_LIFETIME_SECONDS = 24 * 60 * 60;

/** Undefined when the field is missing, null or invalid: a response is rejected only when its token is. */
const ifReadable = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const id = ifReadable(z.number().int().positive());
/** PostgreSQL can store neither NUL nor lone surrogates. */
const text = z.string().transform((given) => given.replaceAll('\0', '').toWellFormed());
const scopes = ifReadable(z.array(text));

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  refresh_token: ifReadable(z.string().min(1)),
  expires_in: ifReadable(z.union([z.number(), z.string().transform(Number)])),
  hub_id: id,
  user_id: id,
  scopes,
});

const introspectionAnswer = z
  .object({
    active: ifReadable(z.boolean()),
    hub_id: id,
    app_id: id,
    user_id: id,
    user: ifReadable(text),
    hub_domain: ifReadable(text),
    scopes,
  })
  .catch({});

export interface TokenAnswer {
  readonly accessToken: string;
  /** Undefined when HubSpot sent none: the current one stays valid. */
  readonly refreshToken: string | undefined;
  readonly expiresInSeconds: number;
  /** True when the answer's `expires_in` was missing or invalid, so that the default is used. */
  readonly lifetimeAssumed: boolean;
  /** The account of the tokens. HubSpot may return it only from introspection. */
  readonly owner: TokenOwner;
}

export interface TokenOwner {
  readonly portalId?: number | undefined;
  readonly userId?: number | undefined;
  readonly scopes?: readonly string[] | undefined;
}

export interface TokenInfo extends TokenOwner {
  /** False only when HubSpot reports that the token is no longer valid. */
  readonly active: boolean;
  readonly appId?: number | undefined;
  readonly userEmail?: string | undefined;
  /** The customer's own website. */
  readonly hubDomain?: string | undefined;
}

export type OAuthApi = ReturnType<typeof createOAuthApi>;

/**
 * HubSpot's OAuth endpoints. Secrets travel in the form body only.
 * @see https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide
 */
export function createOAuthApi(
  send: Send,
  app: { clientId: string; clientSecret: string; redirectUri: string },
  paths = apiPaths,
) {
  const credentials = { client_id: app.clientId, client_secret: app.clientSecret };
  const post = (path: string, form: Record<string, string>, idempotent = false) =>
    send({ method: 'POST', path: paths.oauth.path + path, form: { ...form, ...credentials }, idempotent });

  return {
    async exchangeCode(code: string): Promise<TokenAnswer> {
      const form = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri };
      return readTokens(await post('/token', form), `${paths.oauth.path}/token`);
    },

    async refresh(refreshToken: string): Promise<TokenAnswer> {
      const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
      return readTokens(await post('/token', form), `${paths.oauth.path}/token`);
    },

    introspect,

    /** True only when HubSpot reports it: the install has ended, or the token was exchanged for another. */
    async isDead(refreshToken: string): Promise<boolean> {
      try {
        return !(await introspect(refreshToken, 'refresh_token')).active;
      } catch (error) {
        if (error instanceof HubSpotError && classifyOAuthFailure(error, 'refresh') === 'revoked')
          return true;
        throw error;
      }
    },

    async revoke(refreshToken: string): Promise<void> {
      await post('/token/revoke', { token: refreshToken, token_type_hint: 'refresh_token' }, true);
    },
  };

  /** Whether a token is valid and which account it belongs to, as far as HubSpot reports it. */
  async function introspect(token: string, hint: 'access_token' | 'refresh_token'): Promise<TokenInfo> {
    const body = await post('/token/introspect', { token, token_type_hint: hint }, true);
    const answer = introspectionAnswer.parse(body);
    return {
      active: answer.active !== false,
      ...ownerOf(answer),
      appId: answer.app_id,
      userEmail: answer.user,
      hubDomain: answer.hub_domain,
    };
  }
}

function readTokens(body: unknown, path: string): TokenAnswer {
  const answer = readAnswer(tokenAnswer, body, { method: 'POST', path });
  const given = answer.expires_in ?? 0;
  const usable = given >= 1 && given <= LONGEST_LIFETIME_SECONDS;
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresInSeconds: usable ? given : DEFAULT_LIFETIME_SECONDS,
    lifetimeAssumed: !usable,
    owner: ownerOf(answer),
  };
}

const ownerOf = (answer: {
  hub_id?: number | undefined;
  user_id?: number | undefined;
  scopes?: string[] | undefined;
}): TokenOwner => ({ portalId: answer.hub_id, userId: answer.user_id, scopes: answer.scopes });

export type OAuthFailure =
  | 'revoked'
  | 'bad_code'
  | 'configuration'
  | 'unauthorized'
  | 'refused'
  | 'transient';

const REVOKED = new Set(['BAD_REFRESH_TOKEN', 'BAD_HUB', 'access_denied']);
const BAD_CODE = new Set(['BAD_AUTH_CODE', 'EXPIRED_AUTH_CODE']);
/** Error codes that can only concern the app itself and not a single account. */
const CONFIGURATION = new Set([
  'BAD_CLIENT_ID',
  'BAD_CLIENT_SECRET',
  'BAD_REDIRECT_URI',
  'BAD_GRANT_TYPE',
  'BAD_CODE_VERIFIER',
  'invalid_client',
  'unsupported_grant_type',
]);
const UNAUTHORIZED = 'unauthorized_client';

/**
 * Only `revoked` ends an install, so the kinds of failure are kept apart:
 * `configuration` (client id, secret, redirect URL) is our mistake and affects every account;
 * `unauthorized` may concern the app or only this account; `refused` is any other error code. Only `revoked`
 * may discard a token.
 * @param grant what was exchanged: `invalid_grant` means an invalid code or an ended install.
 */
export function classifyOAuthFailure(error: HubSpotError, grant: 'code' | 'refresh'): OAuthFailure {
  const words = [error.oauthError, error.oauthStatus].filter((word) => word !== undefined);
  // A 4xx without an OAuth error code, such as a firewall's page, does not come from this endpoint.
  if (error.transient || words.length === 0) return 'transient';
  // Checked first, because HubSpot also reports a wrong secret or redirect URL as invalid_grant.
  if (words.some((word) => CONFIGURATION.has(word))) return 'configuration';
  if (words.includes(UNAUTHORIZED)) return 'unauthorized';
  const [dead, over] = grant === 'code' ? (['bad_code', BAD_CODE] as const) : (['revoked', REVOKED] as const);
  return words.some((word) => word === 'invalid_grant' || over.has(word)) ? dead : 'refused';
}
