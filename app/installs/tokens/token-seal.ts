import { decrypt, encrypt, type KeyRing } from '../../db/key-ring.ts';
import type { OpenInstall, SealedInstall } from '../install.ts';

export type TokenSeal = ReturnType<typeof createTokenSeal>;

/** Encrypts tokens, bound to their portal and column, and decrypts them. */
export function createTokenSeal(ring: KeyRing) {
  return {
    /** The encrypted access token and refresh token. */
    seal(
      portalId: number,
      { accessToken, refreshToken }: { readonly accessToken: string; readonly refreshToken?: string },
    ): [string, string | null] {
      return [
        encrypt(ring, accessToken, boundTo(portalId, 'access_token')),
        refreshToken === undefined ? null : encrypt(ring, refreshToken, boundTo(portalId, 'refresh_token')),
      ];
    },

    /** The install with its tokens in clear; undefined when it holds none. @throws {DecryptionError} */
    open(row: SealedInstall): OpenInstall | undefined {
      const { sealedAccess, sealedRefresh, accessTokenExpiresAt, refreshDueAt, kind, ...install } = row;
      if (!sealedAccess) return undefined;
      const accessToken = decrypt(ring, sealedAccess, boundTo(install.portalId, 'access_token'));
      if (kind === 'access_token')
        return { ...install, kind, accessToken, accessTokenExpiresAt, refreshDueAt };
      if (!sealedRefresh || !accessTokenExpiresAt || !refreshDueAt) return undefined;
      const refreshToken = decrypt(ring, sealedRefresh, boundTo(install.portalId, 'refresh_token'));
      return { ...install, kind, accessToken, refreshToken, accessTokenExpiresAt, refreshDueAt };
    },
  };
}

const boundTo = (portalId: number, column: string) => `installs/${portalId}/${column}`;
