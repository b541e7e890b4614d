import { randomBytes, randomFillSync } from 'node:crypto';
import type { SandboxClock } from './clock.ts';

/** The grant of a code or token. */
export interface Grant {
  portalId: number;
  userId: number;
  scopes: string[];
}

export interface AccessToken extends Grant {
  token: string;
  /** Sandbox time, epoch ms. */
  expiresAt: number;
}

interface RefreshToken extends Grant {
  token: string;
  /** Rotation: the successor of this token, and the token that it replaces once it is used. */
  successor?: string;
  predecessor?: string;
}

interface Code extends Grant {
  redirectUri: string;
  expiresAt: number;
  onRedeemed: () => void;
}

/** The tokens of one portal. Stored by portal, so that uninstalling need not search all of them. */
interface PortalGrants {
  install?: Grant & { installedAt: number };
  /** Oldest first. */
  access: AccessToken[];
  refresh: RefreshToken[];
  issued: number;
  refreshes: number;
  rotations: number;
}

export interface TokenCounts {
  portalId: number;
  refreshes: number;
  rotations: number;
  revoked: boolean;
}

export interface IssuedTokens {
  access: AccessToken;
  refreshToken: string;
}

export type CodeResult = { grant: Grant } | { problem: 'unknown' | 'expired' | 'redirect' };
export type Tokens = ReturnType<typeof createTokens>;

export const ACCESS_TOKEN_SECONDS = 1800;
const CODE_SECONDS = 300;
/** HubSpot asks apps to allow for 512 characters; short tokens would hide a column that is too small. */
const padding = randomBytes(216).toString('base64url');
/** How long an expired access token is remembered, so that benchmarks do not fill the memory. */
const REMEMBERED_MS = 3_600_000;

/** Codes, refresh tokens and access tokens, and thereby the installs. Expiry uses the sandbox clock. */
export function createTokens(clock: SandboxClock) {
  const codes = new Map<string, Code>();
  const refreshTokens = new Map<string, RefreshToken>();
  const accessTokens = new Map<string, AccessToken>();
  const portals = new Map<number, PortalGrants>();

  function grantsOf(portalId: number): PortalGrants {
    const found = portals.get(portalId);
    if (found) return found;
    const fresh = { access: [], refresh: [], issued: 0, refreshes: 0, rotations: 0 };
    portals.set(portalId, fresh);
    return fresh;
  }

  function issueRefreshToken({ portalId, userId, scopes }: Grant, predecessor?: string): RefreshToken {
    const issued = { portalId, userId, scopes, token: secret('na1-sbx-rt-', 48), predecessor };
    refreshTokens.set(issued.token, issued);
    grantsOf(portalId).refresh.push(issued);
    return issued;
  }

  function issueAccessToken({ portalId, userId, scopes }: Grant): AccessToken {
    const now = clock.now();
    const issued = {
      portalId,
      userId,
      scopes,
      token: secret('sbx-at-', 24) + padding,
      expiresAt: now + ACCESS_TOKEN_SECONDS * 1000,
    };
    const { access } = grantsOf(portalId);
    for (let oldest = access[0]; oldest && oldest.expiresAt < now - REMEMBERED_MS; oldest = access[0]) {
      accessTokens.delete(oldest.token);
      access.shift();
    }
    access.push(issued);
    accessTokens.set(issued.token, issued);
    return issued;
  }

  function forgetRefreshToken(token: string) {
    const found = refreshTokens.get(token);
    if (!found) return;
    refreshTokens.delete(token);
    const grants = grantsOf(found.portalId);
    grants.refresh = grants.refresh.filter((other) => other !== found);
  }

  return {
    /** `onRedeemed` is called when the app exchanges the code. */
    issueCode(grant: Grant, redirectUri: string, onRedeemed = () => {}): string {
      const code = secret('na1-sbx-code-', 24);
      codes.set(code, { ...grant, redirectUri, expiresAt: clock.now() + CODE_SECONDS * 1000, onRedeemed });
      return code;
    },

    /** Consumes a code; a used code is unknown. */
    redeemCode(code: string, redirectUri: string): CodeResult {
      const found = codes.get(code);
      if (!found) return { problem: 'unknown' };
      if (found.expiresAt <= clock.now()) return { problem: 'expired' };
      if (found.redirectUri !== redirectUri) return { problem: 'redirect' };
      codes.delete(code);
      found.onRedeemed();
      return { grant: { portalId: found.portalId, userId: found.userId, scopes: found.scopes } };
    },

    /** An install exists from its first tokens on, not from the consent. */
    install(grant: Grant): IssuedTokens {
      const grants = grantsOf(grant.portalId);
      grants.install = { ...grant, installedAt: Date.now() };
      grants.issued += 1;
      return { access: issueAccessToken(grant), refreshToken: issueRefreshToken(grant).token };
    },

    /** `undefined` when the refresh token is unknown, revoked or replaced. */
    refresh(token: string, rotate: boolean): IssuedTokens | undefined {
      const current = refreshTokens.get(token);
      if (!current) return undefined;
      if (current.predecessor) forgetRefreshToken(current.predecessor);
      const grants = grantsOf(current.portalId);
      grants.refreshes += 1;
      if (rotate && !current.successor) {
        current.successor = issueRefreshToken(current, token).token;
        grants.rotations += 1;
      }
      // A repeated refresh gets the same successor, so that an app that lost the first response can continue.
      return { access: issueAccessToken(current), refreshToken: current.successor ?? token };
    },

    findAccessToken: (token: string): AccessToken | undefined => accessTokens.get(token),
    findRefreshToken: (token: string): Grant | undefined => refreshTokens.get(token),

    /** Revoking a refresh token keeps the access tokens it has issued valid, as at HubSpot. */
    revoke(token: string): void {
      forgetRefreshToken(token);
      const access = accessTokens.get(token);
      if (!access) return;
      accessTokens.delete(token);
      const grants = grantsOf(access.portalId);
      grants.access = grants.access.filter((other) => other !== access);
    },

    findInstall: (portalId: number) => portals.get(portalId)?.install,

    /** Revokes every token of the portal. Returns whether the app was installed there. */
    uninstall(portalId: number): boolean {
      const grants = grantsOf(portalId);
      const wasInstalled = grants.install !== undefined;
      for (const { token } of grants.access) accessTokens.delete(token);
      for (const { token } of grants.refresh) refreshTokens.delete(token);
      for (const [code, grant] of codes) if (grant.portalId === portalId) codes.delete(code);
      Object.assign(grants, { install: undefined, access: [], refresh: [] });
      return wasInstalled;
    },

    /** `revoked`: the portal has received tokens, but no refresh token of it is valid any more. */
    counts(portalId: number): TokenCounts {
      const { issued = 0, refreshes = 0, rotations = 0, refresh = [] } = portals.get(portalId) ?? {};
      return { portalId, refreshes, rotations, revoked: issued > 0 && refresh.length === 0 };
    },

    reset(): void {
      for (const store of [codes, refreshTokens, accessTokens, portals]) store.clear();
    },
  };
}

// Generated in large chunks: small ones would cost more than the rest of a refresh.
const pool = Buffer.alloc(16_384);
let used = pool.length;

function secret(prefix: string, bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const text = pool.toString('base64url', used, used + bytes);
  used += bytes;
  return prefix + text;
}
