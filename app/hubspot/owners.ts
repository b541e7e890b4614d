import { z } from 'zod';
import { readAnswer } from './answer.ts';
import { apiPaths } from './api-paths.ts';
import { nextPage } from './crm-record.ts';
import type { Send } from './http.ts';
import { readPages } from './pages.ts';
import { pathPart } from './path-part.ts';

const owner = z.object({
  id: z.string(),
  email: z.string().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  userId: z.number().nullish(),
  archived: z.boolean().optional(),
});

/** A person to whom records can be given: `hubspot_owner_id` holds the `id`, never the user's id. */
export type Owner = z.output<typeof owner>;

const page = z.object({ results: z.array(owner), paging: nextPage });
const PAGE = 500;

/** @see https://developers.hubspot.com/docs/api-reference/crm-crm-owners-v3/guide */
export function createOwnersApi(send: Send, paths = apiPaths) {
  const { path } = paths.owners;

  const list = ({ email, archived }: { email?: string; archived?: boolean } = {}) =>
    readPages(send, { method: 'GET', path, query: { limit: PAGE, email, archived } }, page);

  return {
    /** Every owner; `archived` gives those who have left. */
    list,

    /** By owner id, or by user id. */
    async get(id: string, idProperty: 'id' | 'userId' = 'id'): Promise<Owner> {
      const request = {
        method: 'GET',
        path: `${path}/${pathPart(id)}`,
        query: { idProperty },
      } as const;
      return readAnswer(owner, await send(request), request);
    },

    async findByEmail(email: string): Promise<Owner | undefined> {
      for await (const found of list({ email })) return found;
      return undefined;
    },
  };
}
