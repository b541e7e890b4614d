import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import { type StandardError, standardErrors } from '../client/error-body.ts';
import { HubSpotError } from '../client/errors.ts';
import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { type CrmRecord, crmRecord } from './crm-record.ts';
import { createCrmObjects, createMerge } from './objects.ts';
import { asText, otherValueGiven, type PropertyValues } from './property-values.ts';

export type Contact = CrmRecord;

const upserted = z.object({
  results: z.array(crmRecord.extend({ new: z.boolean().optional() })).nullish(),
  errors: standardErrors,
});
const PROPERTIES = ['email', 'firstname', 'lastname', 'phone', 'company', 'lifecyclestage'];

/** @see https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide */
export function createContactsApi(send: Send, paths = apiPaths) {
  const type = { path: `${paths.objects.path}/contacts`, properties: PROPERTIES };
  const contacts = createCrmObjects(send, type);

  return {
    ...contacts,

    /** @throws {HubSpotError} status 404 when no contact has this address. */
    getByEmail: (email: string, properties: readonly string[] = PROPERTIES): Promise<Contact> =>
      contacts.get(email, properties, { idProperty: 'email' }),

    /** @throws {HubSpotError} status 404 when no contact has this address. */
    updateByEmail: (email: string, properties: PropertyValues): Promise<Contact> =>
      contacts.update(email, properties, 'email'),

    /**
     * Creates or updates the contact with this address. One call, idempotent.
     * @throws {AppError} status 400 when the properties contain a different address.
     */
    async createOrUpdate(
      email: string,
      properties: PropertyValues,
    ): Promise<{ contact: Contact; created: boolean }> {
      const { email: named = email } = properties;
      if (!isAddress(named, email)) throw otherValueGiven('email', email);
      const request = { method: 'POST', path: `${type.path}/batch/upsert`, idempotent: true } as const;
      const inputs = [{ id: email, idProperty: 'email', properties: asText({ ...properties, email }) }];
      const { results, errors } = readAnswer(upserted, await send({ ...request, json: { inputs } }), request);
      const [written] = results ?? [];
      if (written === undefined) throw rejection(request, errors);
      const { new: created = false, ...contact } = written;
      return { contact, created };
    },

    merge: createMerge(send, type),

    /** Permanently erases a contact and all its data (GDPR delete), by id, or by address with `idProperty`. */
    async gdprDelete(objectId: string, idProperty?: 'email'): Promise<void> {
      const json = { objectId, ...(idProperty && { idProperty }) };
      await send({ method: 'POST', path: `${type.path}/gdpr-delete`, json });
    },
  };
}

/** HubSpot stores e-mail addresses trimmed and in lower case. */
const isAddress = (value: unknown, address: string) => kept(String(value)) === kept(address);
const kept = (address: string) => address.trim().toLowerCase();

/** HubSpot answers 207 to a batch in which nothing was written; for a single input that is an ordinary error. */
function rejection(
  request: { method: string; path: string; idempotent: boolean },
  [error]: readonly StandardError[],
): HubSpotError {
  if (!error) return new HubSpotError({ ...request, problem: 'an answer without usable results' });
  return new HubSpotError({ ...request, status: error.category === 'CONFLICT' ? 409 : 400 }, error);
}
