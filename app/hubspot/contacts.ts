import { z } from 'zod';
import { readAnswer } from './answer.ts';
import { apiPaths } from './api-paths.ts';
import type { HubSpotRequest, Send } from './http.ts';

const contact = z.object({
  id: z.string(),
  properties: z.record(z.string(), z.string().nullable()),
  createdAt: z.string().optional(),
  updatedAt: z.string().optional(),
  archived: z.boolean().optional(),
});

/** A contact as HubSpot's objects API gives it: every property value is a string or null. */
export type Contact = z.output<typeof contact>;

const upserted = z.object({ results: z.tuple([contact.extend({ new: z.boolean().optional() })]) });
const DEFAULT_PROPERTIES = ['email', 'firstname', 'lastname', 'phone', 'company', 'lifecyclestage'];
const PATH = `${apiPaths.objects.path}/contacts`;

export type ContactsApi = ReturnType<typeof createContactsApi>;

/** @see https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide */
export function createContactsApi(send: Send) {
  const read = async (idOrEmail: string, query: HubSpotRequest['query']) => {
    const request = { method: 'GET', path: `${PATH}/${encodeURIComponent(idOrEmail)}`, query } as const;
    return readAnswer(contact, await send(request), request);
  };

  return {
    /** @throws {HubSpotError} status 404 when there is no such contact. */
    get(id: string, properties: readonly string[] = DEFAULT_PROPERTIES): Promise<Contact> {
      return read(id, { properties });
    },

    /** @throws {HubSpotError} status 404 when no contact has this address. */
    getByEmail(email: string, properties: readonly string[] = DEFAULT_PROPERTIES): Promise<Contact> {
      return read(email, { idProperty: 'email', properties });
    },

    /** Creates the contact with this address or updates it; one call, safe to repeat. */
    async createOrUpdate(
      email: string,
      properties: Record<string, string>,
    ): Promise<{ contact: Contact; created: boolean }> {
      const request = { method: 'POST', path: `${PATH}/batch/upsert` } as const;
      const inputs = [{ id: email, idProperty: 'email', properties: { ...properties, email } }];
      const answer = readAnswer(upserted, await send({ ...request, json: { inputs } }), request);
      const [{ new: created = false, ...saved }] = answer.results;
      return { contact: saved, created };
    },
  };
}
