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
  /** Undefined when HubSpot does not return it. */
  readonly scopes?: readonly string[] | undefined;
}

export type AccessTokensApi = ReturnType<typeof createAccessTokensApi>;

/** Access tokens that HubSpot displays to the account's admins: of private apps, service keys and projects. */
export function createAccessTokensApi(http: Send, paths = apiPaths) {
  return {
    /**
     * The account and the scopes of the token.
     * @returns undefined when HubSpot does not accept it.
     * @throws {HubSpotError} when HubSpot's response does not tell.
     */
    async describe(accessToken: string): Promise<AccessTokenInfo | undefined> {
      const send: Send = (request) => http({ ...request, accessToken });
      try {
        return await read(send, accessToken);
      } catch (error) {
        if (isRejected(error)) return undefined;
        if (!hasNoAnswer(error)) throw error;
      }
      try {
        return { portalId: (await createAccountApi(send, paths).get()).portalId };
      } catch (error) {
        if (isRejected(error)) return undefined;
        throw error;
      }
    },
  };

  /** Widely used, but not in HubSpot's API descriptions, so it may be removed without notice. */
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

const isRejected = (error: unknown) => error instanceof HubSpotError && error.status === 401;

/** A definite response: a retry would give the same one. */
const hasNoAnswer = (error: unknown) =>
  error instanceof HubSpotError && error.answered && (error.status === undefined || !error.transient);
