import { isIdempotent } from './errors.ts';
import type { HubSpotRequest } from './http.ts';

const CRM_SEARCH = /^\/crm\/(?:objects\/[\w-]+|v\d\/objects)\/[^/]+\/search$/;
const LISTS_SEARCH = /^\/crm\/(?:lists\/[\w-]+|v\d\/lists)\/search$/;
const BATCH_READ = /\/batch\/read$/;

/** Rate limit and idempotency of a request that no typed service makes, as method and path show them. */
export function traitsOf(
  method: string,
  path: string,
  idempotent?: boolean,
): Pick<HubSpotRequest, 'lane'> & { readonly idempotent: boolean } {
  const searches = method === 'POST' && (CRM_SEARCH.test(path) || LISTS_SEARCH.test(path));
  const reads = searches || (method === 'POST' && BATCH_READ.test(path));
  return {
    ...(searches && { lane: 'search' }),
    idempotent: idempotent ?? (reads || isIdempotent({ method })),
  };
}
