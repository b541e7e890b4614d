import type { Logger } from '../../base/logger.ts';
import type { TokenAnswer } from '../../hubspot/apis/oauth.ts';
import type { Tokens } from '../install.ts';
import { refreshDueAt } from './refresh-timing.ts';

interface Received {
  readonly portalId: number;
  readonly answer: TokenAnswer & { readonly refreshToken: string };
  readonly now: number;
  readonly logger: Logger;
}

/** HubSpot's token answer as it is stored. */
export function tokensOf({ portalId, answer, now, logger }: Received): Tokens {
  if (answer.lifetimeAssumed) {
    logger.warn({ portalId }, 'HubSpot sent no usable expires_in; assuming 30 minutes');
  }
  const lifetimeMs = answer.expiresInSeconds * 1000;
  return {
    accessToken: answer.accessToken,
    refreshToken: answer.refreshToken,
    accessTokenExpiresAt: new Date(now + lifetimeMs),
    refreshDueAt: refreshDueAt(now, lifetimeMs),
  };
}
