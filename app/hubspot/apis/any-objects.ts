import { AppError } from '../../base/errors.ts';
import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { createCrmObjects, createMerge } from './objects.ts';

/** Standard types without a typed service, and the properties that are read by default. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  line_items: ['name', 'hs_sku', 'quantity', 'price', 'amount', 'hs_product_id'],
  products: ['name', 'hs_sku', 'price', 'description'],
  quotes: ['hs_title', 'hs_status', 'hs_expiration_date', 'hs_quote_amount'],
};

/**
 * The name of a type in HubSpot's paths: a standard type in the plural (`line_items`, `products`, `quotes`, `leads`), a
 * custom type by its id (`2-12345`) or its full name (`p62515_machine`), which `schemas.list` returns.
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
 * The records of any object type: `hubspot.objects('2-12345').create({ … })`. Types without default properties
 * are read with HubSpot's own few defaults: name the properties you need.
 * @throws {AppError} for text that cannot be a type's name. HubSpot checks whether the account has the type.
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
