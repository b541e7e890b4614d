import { randomUUID } from 'node:crypto';
import type { AccessToken, Grant } from './tokens.ts';

export type PrivateApps = ReturnType<typeof createPrivateApps>;

/** The private app of each account, by its access token, which does not expire. */
export function createPrivateApps() {
  const byPortal = new Map<number, AccessToken>();
  const byToken = new Map<string, AccessToken>();

  function forget(portalId: number): boolean {
    const former = byPortal.get(portalId);
    if (former) byToken.delete(former.token);
    return byPortal.delete(portalId);
  }

  return {
    /** Creates the account's app or rotates its token; the former token becomes invalid at once. */
    issue(grant: Grant): AccessToken {
      forget(grant.portalId);
      const issued = { ...grant, token: `pat-na1-${randomUUID()}`, expiresAt: Infinity };
      byPortal.set(grant.portalId, issued);
      byToken.set(issued.token, issued);
      return issued;
    },

    find: (token: string): AccessToken | undefined => byToken.get(token),
    has: (portalId: number): boolean => byPortal.has(portalId),

    /** Deletes the account's app. Returns whether there was one. */
    remove: forget,

    reset(): void {
      byPortal.clear();
      byToken.clear();
    },
  };
}
