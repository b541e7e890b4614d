import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import { HubSpotError } from '../client/errors.ts';
import type { HubSpotRequest, Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { createAccountApi } from './account.ts';

const id = z.coerce.number().int().positive();
const tokenInfo = z.object({
  hubId: id,
  appId: id.optional().catch(undefined),
  userId: id.optional().catch(undefined),
  scopes: z.array(z.string()).optional().catch(undefined),
});

export interface AccessTokenInfo {
  readonly portalId: number;
  readonly appId?: number | undefined;
  readonly userId?: number | undefined;
  /** Undefined when HubSpot does not say. */
  readonly scopes?: readonly string[] | undefined;
}

export type AccessTokensApi = ReturnType<typeof createAccessTokensApi>;

/** Access tokens that HubSpot shows to the account's admins: of private apps, service keys and projects. */
export function createAccessTokensApi(http: Send, paths = apiPaths) {
  return {
    /**
     * Whose the token is and what it may do.
     * @returns undefined when HubSpot does not accept it.
     * @throws {HubSpotError} when that is not known.
     */
    async describe(accessToken: string): Promise<AccessTokenInfo | undefined> {
      const send: Send = (request) => http({ ...request, accessToken });
      try {
        return await read(send, accessToken);
      } catch (error) {
        if (isRefused(error)) return undefined;
        if (!hasNoAnswer(error)) throw error;
      }
      try {
        return { portalId: (await createAccountApi(send, paths).get()).portalId };
      } catch (error) {
        if (isRefused(error)) return undefined;
        throw error;
      }
    },
  };

  /** No description of HubSpot's has this endpoint, though many use it: it may go without notice. */
  async function read(send: Send, accessToken: string): Promise<AccessTokenInfo> {
    const request: HubSpotRequest = {
      method: 'POST',
      path: `${paths.privateApps.path}/get/access-token-info`,
      json: { tokenKey: accessToken },
      idempotent: true,
    };
    const { hubId, ...info } = readAnswer(tokenInfo, await send(request), request);
    return { portalId: hubId, ...info };
  }
}

const isRefused = (error: unknown) => error instanceof HubSpotError && error.status === 401;

/** It answered, and the same request would be answered so again. */
const hasNoAnswer = (error: unknown) =>
  error instanceof HubSpotError && error.answered && (error.status === undefined || !error.transient);
