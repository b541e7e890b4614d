import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import type { HubSpotRequest, Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';

const property = z.object({
  name: z.string(),
  label: z.string(),
  /** `string`, `number`, `date`, `datetime`, `enumeration`, `bool` … */
  type: z.string(),
  fieldType: z.string(),
  hasUniqueValue: z.boolean().optional(),
  options: z.array(z.object({ label: z.string(), value: z.string() })).optional(),
});

/** SPEC `ObjectSchema`: the fields used here. */
const schema = z.object({
  /** Such as `2-12345`; calls identify the type by it. */
  objectTypeId: z.string(),
  /** The internal name, the same in every account. The full name contains the account: `p62515_machine`. */
  name: z.string(),
  fullyQualifiedName: z.string().optional(),
  labels: z.object({ singular: z.string().optional(), plural: z.string().optional() }),
  primaryDisplayProperty: z.string().optional(),
  requiredProperties: z.array(z.string()).default([]),
  searchableProperties: z.array(z.string()).default([]),
  properties: z.array(property).default([]),
  /** The types with which its records can be associated. */
  associations: z
    .array(
      z.object({
        id: z.string(),
        name: z.string().nullish(),
        fromObjectTypeId: z.string(),
        toObjectTypeId: z.string(),
      }),
    )
    .default([]),
});

/** The definition of a custom object type. */
export type ObjectSchema = z.output<typeof schema>;

/**
 * The custom object types of an account, read only.
 * @see https://developers.hubspot.com/docs/api-reference/latest/crm/objects/schemas/guide
 */
export function createSchemasApi(send: Send, paths = apiPaths) {
  const ask = async <T extends z.ZodType>(shape: T, path: string): Promise<z.output<T>> => {
    const request: HubSpotRequest = { method: 'GET', path };
    return readAnswer(shape, await send(request), request);
  };

  return {
    /** Every custom type of the account. */
    list: async (): Promise<ObjectSchema[]> =>
      (await ask(z.object({ results: z.array(schema) }), paths.schemas.path)).results,

    /**
     * One type by id or full name.
     * @throws {HubSpotError} status 404 when the account does not have the type.
     */
    get: (objectType: string): Promise<ObjectSchema> =>
      ask(schema, `${paths.schemas.path}/${encodeURIComponent(objectType)}`),
  };
}
