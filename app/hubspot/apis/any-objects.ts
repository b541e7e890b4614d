import { AppError } from '../../base/errors.ts';
import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { createCrmObjects, createMerge } from './objects.ts';

/** Standard types that have no service of their own, and what is read of them when a call names no properties. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  line_items: ['name', 'hs_sku', 'quantity', 'price', 'amount', 'hs_product_id'],
  products: ['name', 'hs_sku', 'price', 'description'],
  quotes: ['hs_title', 'hs_status', 'hs_expiration_date', 'hs_quote_amount'],
};

/**
 * A type as HubSpot's paths name it: a standard one in the plural (`line_items`, `products`, `quotes`, `leads`), a
 * custom one by its id (`2-12345`) or its full name (`p62515_machine`), which `schemas.list` tells.
 */
export type ObjectTypeName =
  | 'contacts'
  | 'companies'
  | 'deals'
  | 'tickets'
  | 'line_items'
  | 'products'
  | 'quotes'
  | (string & Record<never, never>);

/**
 * The records of any object type: `hubspot.objects('2-12345').create({ … })`. Types without a list of usual properties
 * are read with HubSpot's own defaults, which are few: name what you need.
 * @throws {AppError} for what cannot be the name of a type; whether the account has it is for HubSpot to say.
 * @see https://developers.hubspot.com/docs/api-reference/latest/crm/objects/custom-objects/guide
 */
export function createObjectsApi(send: Send, paths = apiPaths) {
  return (objectType: ObjectTypeName) => {
    if (!/^[\w-]+$/.test(objectType)) {
      throw new AppError(
        400,
        'unknown_object_type',
        `"${objectType}" is no object type. Nothing was sent. Name one such as line_items or 2-12345.`,
      );
    }
    const type = { path: `${paths.objects.path}/${objectType}`, properties: USUAL[objectType] ?? [] };
    return { ...createCrmObjects(send, type), merge: createMerge(send, type) };
  };
}
