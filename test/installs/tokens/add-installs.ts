import type { Context } from '../../../app/context.ts';
import type { SandboxClient } from '../../helpers/sandbox-client.ts';

interface Granted {
  readonly portalId: number;
  readonly accessToken: string;
  readonly refreshToken: string;
}

interface Neighbours {
  readonly sandbox: SandboxClient;
  readonly ctx: Pick<Context, 'pool' | 'installs' | 'clock'>;
}

interface Wanted {
  readonly from: number;
  readonly count?: number;
  /** Life left to the stored access tokens, by the app's clock. */
  readonly secondsLeft?: number;
  /** When the sweep should refresh; when absent, five minutes before the end. */
  readonly dueInSeconds?: number;
}

/**
 * Installs as if each had come through the consent page: accounts at the sandbox that have the app, and their
 * tokens in the store. @returns the portal ids.
 */
export async function addInstalls({ sandbox, ctx }: Neighbours, wanted: Wanted): Promise<number[]> {
  const { from, count = 1, secondsLeft = 1800, dueInSeconds = secondsLeft - 300 } = wanted;
  const answer = await sandbox.control('portals', { from, count, installed: true });
  const granted: Granted[] = answer.results;
  const inSeconds = (seconds: number) => new Date(ctx.clock.now() + seconds * 1000);
  const save = ({ portalId, accessToken, refreshToken }: Granted) =>
    ctx.installs.store.save(ctx.pool, {
      portalId,
      appId: 193354,
      userId: null,
      userEmail: null,
      hubDomain: null,
      partnerUser: null,
      scopes: ['oauth', 'crm.objects.contacts.read'],
      accessToken,
      refreshToken,
      accessTokenExpiresAt: inSeconds(secondsLeft),
      refreshDueAt: inSeconds(dueInSeconds),
    });
  // No more at once than the pool has connections: waiting for one has its limit.
  const waiting = granted.values();
  await Promise.all(
    Array.from({ length: 5 }, async () => {
      for (const one of waiting) await save(one);
    }),
  );
  return granted.map(({ portalId }) => portalId);
}
