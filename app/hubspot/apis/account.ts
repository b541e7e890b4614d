import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';

const details = z.object({
  portalId: z.number(),
  accountType: z.string(),
  timeZone: z.string(),
  companyCurrency: z.string(),
  utcOffset: z.string(),
  uiDomain: z.string(),
  dataHostingLocation: z.string(),
});

export type AccountDetails = z.output<typeof details>;

/** @see https://developers.hubspot.com/docs/api-reference/account-account-info-v3/guide */
export function createAccountApi(send: Send, paths = apiPaths) {
  return {
    /** Time zone, currency and data region of the portal. */
    async get(): Promise<AccountDetails> {
      const request = { method: 'GET', path: `${paths.accountInfo.path}/details` } as const;
      return readAnswer(details, await send(request), request);
    },
  };
}
