import { randomBytes } from 'node:crypto';
import type { SandboxClock } from './clock.ts';

/** What a code or token stands for. */
export interface Grant {
  portalId: number;
  userId: number;
  scopes: string[];
}

export interface AccessToken extends Grant {
  token: string;
  /** Sandbox time, epoch ms. */
  expiresAt: number;
  issuedAt: number;
}

interface RefreshToken extends Grant {
  token: string;
  /** Rotation: what this token was answered with, and what it replaces once it has been used itself. */
  successor?: string;
  predecessor?: string;
}

interface Code extends Grant {
  redirectUri: string;
  expiresAt: number;
}

export interface TokenCounts {
  portalId: number;
  refreshes: number;
  rotations: number;
  revoked: boolean;
}

export type CodeResult = { grant: Grant } | { problem: 'unknown' | 'expired' | 'redirect' };
export type Tokens = ReturnType<typeof createTokens>;

export const ACCESS_TOKEN_SECONDS = 1800;
const CODE_SECONDS = 300;

/** Codes, refresh tokens, access tokens and with them the installs. Expiry runs on the sandbox clock. */
export function createTokens(clock: SandboxClock) {
  const codes = new Map<string, Code>();
  const refreshTokens = new Map<string, RefreshToken>();
  const accessTokens = new Map<string, AccessToken>();
  const installs = new Map<number, Grant & { installedAt: number }>();
  const counts = new Map<number, { issued: number; refreshes: number; rotations: number }>();

  function countsOf(portalId: number) {
    const existing = counts.get(portalId) ?? { issued: 0, refreshes: 0, rotations: 0 };
    counts.set(portalId, existing);
    return existing;
  }

  function issueRefreshToken(grant: Grant, predecessor?: string): RefreshToken {
    const issued = { ...grant, token: secret('na1-sbx-rt-', 48), predecessor };
    refreshTokens.set(issued.token, issued);
    return issued;
  }

  function issueAccessToken({ portalId, userId, scopes }: Grant): AccessToken {
    const now = clock.now();
    const issued = {
      portalId,
      userId,
      scopes,
      // HubSpot asks apps to allow for 512 characters; a short one would hide a column that is too narrow.
      token: secret('sbx-at-', 240),
      issuedAt: now,
      expiresAt: now + ACCESS_TOKEN_SECONDS * 1000,
    };
    accessTokens.set(issued.token, issued);
    return issued;
  }

  return {
    issueCode(grant: Grant, redirectUri: string): string {
      const code = secret('na1-sbx-code-', 24);
      codes.set(code, { ...grant, redirectUri, expiresAt: clock.now() + CODE_SECONDS * 1000 });
      return code;
    },

    /** Uses a code up; a code that was used is unknown. */
    redeemCode(code: string, redirectUri: string): CodeResult {
      const found = codes.get(code);
      if (!found) return { problem: 'unknown' };
      if (found.expiresAt <= clock.now()) return { problem: 'expired' };
      if (found.redirectUri !== redirectUri) return { problem: 'redirect' };
      codes.delete(code);
      return { grant: { portalId: found.portalId, userId: found.userId, scopes: found.scopes } };
    },

    /** The install becomes real with its first tokens, not with the consent. */
    install(grant: Grant): { access: AccessToken; refreshToken: string } {
      installs.set(grant.portalId, { ...grant, installedAt: Date.now() });
      countsOf(grant.portalId).issued += 1;
      return { access: issueAccessToken(grant), refreshToken: issueRefreshToken(grant).token };
    },

    /** `undefined` when the refresh token is unknown, revoked or replaced. */
    refresh(token: string, rotate: boolean): { access: AccessToken; refreshToken: string } | undefined {
      const current = refreshTokens.get(token);
      if (!current) return undefined;
      if (current.predecessor) refreshTokens.delete(current.predecessor);
      countsOf(current.portalId).refreshes += 1;
      if (rotate && !current.successor) {
        current.successor = issueRefreshToken(current, token).token;
        countsOf(current.portalId).rotations += 1;
      }
      // A repeated refresh gets the same successor: an app that lost the first answer can go on.
      return { access: issueAccessToken(current), refreshToken: current.successor ?? token };
    },

    findAccessToken: (token: string): AccessToken | undefined => accessTokens.get(token),
    findRefreshToken: (token: string): Grant | undefined => refreshTokens.get(token),

    /** Revoking a refresh token leaves the access tokens it has issued alive, as at HubSpot. */
    revoke(token: string): void {
      refreshTokens.delete(token);
      accessTokens.delete(token);
    },

    findInstall: (portalId: number) => installs.get(portalId),

    /** Kills every token of the portal. Answers whether the app was installed there. */
    uninstall(portalId: number): boolean {
      for (const store of [codes, refreshTokens, accessTokens]) {
        for (const [key, grant] of store) if (grant.portalId === portalId) store.delete(key);
      }
      return installs.delete(portalId);
    },

    /** `revoked`: the portal has been given tokens and no refresh token of it works any more. */
    counts(portalId: number): TokenCounts {
      const { issued, refreshes, rotations } = countsOf(portalId);
      const alive = [...refreshTokens.values()].some((token) => token.portalId === portalId);
      return { portalId, refreshes, rotations, revoked: issued > 0 && !alive };
    },

    reset(): void {
      for (const store of [codes, refreshTokens, accessTokens, installs, counts]) store.clear();
    },
  };
}

function secret(prefix: string, bytes: number): string {
  return prefix + randomBytes(bytes).toString('base64url');
}
