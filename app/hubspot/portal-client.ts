import { createAppInstallsApi } from './app-installs.ts';
import { createContactsApi } from './contacts.ts';
import { HubSpotError } from './errors.ts';
import type { Send } from './http.ts';
import { createTimelineApi } from './timeline.ts';

/** Where a portal's access token comes from. */
export interface AccessTokens {
  current(): Promise<string>;
  /** A token other than `refused`, which HubSpot answered with 401. */
  renewed(refused: string): Promise<string>;
}

export type PortalClient = ReturnType<typeof createPortalClient>;

/** HubSpot's APIs, authorised for one portal. A 401 costs one refresh and one retry. */
export function createPortalClient(http: Send, tokens: AccessTokens) {
  const send: Send = async (request) => {
    const accessToken = await tokens.current();
    try {
      return await http({ ...request, accessToken });
    } catch (error) {
      // 401 means HubSpot did nothing with the request, so sending it again is safe for every method.
      if (!(error instanceof HubSpotError && error.status === 401)) throw error;
      return await http({ ...request, accessToken: await tokens.renewed(accessToken) });
    }
  };

  return {
    contacts: createContactsApi(send),
    timeline: createTimelineApi(send),
    appInstalls: createAppInstallsApi(send),
  };
}
