import type { z } from 'zod';
import { AppError } from '../../base/errors.ts';
import { readAnswer } from './answer.ts';
import type { HubSpotRequest, Send } from './http.ts';
import { traitsOf } from './request-traits.ts';

/** A request to any endpoint of HubSpot's API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Such as `/crm/properties/2026-03/contacts`, without query. Encode values with `encodeURIComponent`. */
  readonly path: string;
  /** Lists are joined by commas; undefined values are left out. */
  readonly query?: HubSpotRequest['query'];
  /** Sent as JSON. */
  readonly body?: unknown;
  /**
   * Whether it is safe to retry when HubSpot may have carried it out. Default: true for GET, PUT, DELETE, searches and
   * batch reads.
   */
  readonly idempotent?: boolean;
}

export interface SendApiRequest {
  /**
   * Calls an endpoint that has no typed service, with the portal's token, call budget, deadline and retries.
   * @returns the parsed JSON body, undefined when there is none.
   * @throws {HubSpotError} for an error status and for no answer.
   */
  (request: ApiRequest): Promise<unknown>;
  /** The same; the body is checked and typed by a zod schema. @throws {HubSpotError} when it does not match. */
  <T extends z.ZodType>(request: ApiRequest & { readonly schema: T }): Promise<z.output<T>>;
}

export function createApiRequest(send: Send): SendApiRequest {
  return async ({ method, path, query, body, idempotent, schema }: ApiRequest & { schema?: z.ZodType }) => {
    // Anything else could end up in the host name of the URL, and the token with another host.
    if (!/^\/(?!\/)[^?#\\\s]*$/.test(path)) {
      throw new AppError(
        400,
        'invalid_hubspot_path',
        'The path of a HubSpot request must start with one slash and contain no query. Nothing was sent; pass parameters as `query`.',
      );
    }
    const request: HubSpotRequest = {
      method,
      path,
      ...(query && { query }),
      ...(body !== undefined && { json: body }),
      ...traitsOf(method, path, idempotent),
    };
    const answer = await send(request);
    return schema ? readAnswer(schema, answer, request) : answer;
  };
}
