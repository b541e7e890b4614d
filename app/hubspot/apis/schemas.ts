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

/** SPEC `ObjectSchema`, as far as it is used here. */
const schema = z.object({
  /** Such as `2-12345`: what calls name the type by. */
  objectTypeId: z.string(),
  /** The name for programs, the same in every account; its full name begins with the account: `p62515_machine`. */
  name: z.string(),
  fullyQualifiedName: z.string().optional(),
  labels: z.object({ singular: z.string().optional(), plural: z.string().optional() }),
  primaryDisplayProperty: z.string().optional(),
  requiredProperties: z.array(z.string()).default([]),
  searchableProperties: z.array(z.string()).default([]),
  properties: z.array(property).default([]),
  /** With which types its records can be associated. */
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

/** What an account has defined of one of its object types. */
export type ObjectSchema = z.output<typeof schema>;

/**
 * The custom object types of an account. Reads only: an account's types are its own.
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
     * One type, by its id or full name.
     * @throws {HubSpotError} status 404 when the account has no such type.
     */
    get: (objectType: string): Promise<ObjectSchema> =>
      ask(schema, `${paths.schemas.path}/${encodeURIComponent(objectType)}`),
  };
}
