import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import type { Send } from '../client/http.ts';
import { readPages } from '../client/pages.ts';
import { pathPart } from '../client/path-part.ts';
import { apiPaths } from '../versions.ts';
import { nextPage } from './crm-record.ts';

const owner = z.object({
  id: z.string(),
  email: z.string().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  /** Missing for archived owners. */
  userId: z.number().nullish(),
  /** The user's id, also for archived owners. */
  userIdIncludingInactive: z.number().nullish(),
  archived: z.boolean().optional(),
});

/** A person who can own records: `hubspot_owner_id` contains the `id`, never the user's id. */
export type Owner = z.output<typeof owner>;

const page = z.object({ results: z.array(owner), paging: nextPage });
const PAGE = 500;

interface OwnerFilter {
  readonly email?: string | undefined;
  readonly archived?: boolean | undefined;
}

/** @see https://developers.hubspot.com/docs/api-reference/crm-crm-owners-v3/guide */
export function createOwnersApi(send: Send, paths = apiPaths) {
  const { path } = paths.owners;

  const list = ({ email, archived }: OwnerFilter = {}) =>
    readPages(send, { method: 'GET', path, query: { limit: PAGE, email, archived } }, page);

  return {
    /** Every owner; `archived` returns former ones. */
    list,

    /**
     * By owner id, or by user id.
     * @throws {HubSpotError} status 404 when there is none; archived owners are found only with `archived`.
     */
    async get(
      id: string,
      idProperty: 'id' | 'userId' = 'id',
      { archived }: Pick<OwnerFilter, 'archived'> = {},
    ): Promise<Owner> {
      const request = {
        method: 'GET',
        path: `${path}/${pathPart(id)}`,
        query: { idProperty, archived },
      } as const;
      return readAnswer(owner, await send(request), request);
    },

    /**
     * By e-mail address, ignoring case. HubSpot does not document whether its filter ignores case, so when it
     * finds nothing, all owners are compared.
     */
    async findByEmail(
      email: string,
      { archived }: Pick<OwnerFilter, 'archived'> = {},
    ): Promise<Owner | undefined> {
      const wanted = normalized(email);
      for (const filter of [wanted, undefined]) {
        for await (const found of list({ email: filter, archived })) {
          if (found.email !== undefined && normalized(found.email) === wanted) return found;
        }
      }
      return undefined;
    },
  };
}

const normalized = (email: string) => email.trim().toLowerCase();
