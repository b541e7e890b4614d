/**
 * `active` and `backing_off` (a refresh failed and will be retried) hold tokens; `needs_reconnect` (HubSpot ended the
 * install) and `uninstalled` (this server did) hold none.
 */
export const INSTALL_STATES = ['active', 'backing_off', 'needs_reconnect', 'uninstalled'] as const;
export type InstallState = (typeof INSTALL_STATES)[number];

export const HOLDS_TOKENS: readonly InstallState[] = ['active', 'backing_off'];

/**
 * `oauth`: the account consented, and its access token is refreshed. `access_token`: the operator gave the token of a
 * private app or a service key, which does not expire and cannot be refreshed.
 */
export type InstallKind = 'oauth' | 'access_token';

/** What is known about a portal's install, without its tokens. */
export interface Install {
  readonly portalId: number;
  readonly kind: InstallKind;
  /** A portal that installs again after its install ended gets a new id; a repeated consent keeps it. */
  readonly installId: number;
  readonly appId: number;
  readonly userId: number | null;
  readonly userEmail: string | null;
  readonly hubDomain: string | null;
  /** The vendor's user who connected the portal through the sign-in page. */
  readonly partnerUser: string | null;
  /** Scopes that HubSpot granted. */
  readonly scopes: readonly string[];
  readonly state: InstallState;
  readonly stateReason: string;
  readonly refreshFailures: number;
  readonly tokenVersion: number;
  readonly accessTokenExpiresAt: Date | null;
  readonly refreshDueAt: Date | null;
  /** When the customer last consented. */
  readonly installedAt: Date;
  readonly updatedAt: Date;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly accessTokenExpiresAt: Date;
  /** When the sweep should refresh. */
  readonly refreshDueAt: Date;
}

export type InstallWithTokens = Omit<Install, keyof Tokens | 'kind'> & Tokens & { readonly kind: 'oauth' };

/** Its token neither expires nor is refreshed. */
export type InstallWithAccessToken = Omit<Install, 'kind'> & {
  readonly kind: 'access_token';
  readonly accessToken: string;
};

/** An install with its tokens in clear. */
export type OpenInstall = InstallWithTokens | InstallWithAccessToken;

/** An install with its tokens as they are stored. */
export type SealedInstall = Install & {
  readonly sealedAccess: string | null;
  readonly sealedRefresh: string | null;
};

export type NewInstall = (
  | (Tokens & { readonly kind?: 'oauth' })
  | { readonly kind: 'access_token'; readonly accessToken: string }
) &
  Pick<Install, 'portalId' | 'appId' | 'userId' | 'userEmail' | 'hubDomain' | 'partnerUser' | 'scopes'>;

/** The columns of {@link Install}. */
export const INSTALL_COLUMNS = `portal_id as "portalId", kind, install_id as "installId", app_id as "appId",
  user_id as "userId", user_email as "userEmail", hub_domain as "hubDomain", partner_user as "partnerUser", scopes, state,
  state_reason as "stateReason", refresh_failures as "refreshFailures", token_version as "tokenVersion",
  access_token_expires_at as "accessTokenExpiresAt", refresh_due_at as "refreshDueAt",
  installed_at as "installedAt", updated_at as "updatedAt"`;
