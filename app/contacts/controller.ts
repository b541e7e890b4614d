import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { email, hubId, jsonBody, parse } from '../http/parse.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';

const value = z
  .union([z.string(), z.number(), z.boolean(), z.null()], {
    error: 'must be a string, number, boolean or null',
  })
  .transform((it) => (it === null ? '' : String(it)));
const propertyMap = z.record(z.string().min(1), value);
/** The format of HubSpot's API of 2019, which many scripts still use. */
const propertyList = z
  .array(z.object({ property: z.string().min(1), value }))
  .superRefine((list, { addIssue }) => {
    const twice = list.findIndex(({ property }, at) =>
      list.some((it, i) => i < at && it.property === property),
    );
    if (twice !== -1) {
      const message = `"${list[twice]?.property}" is given twice`;
      addIssue({ code: 'custom', path: [twice, 'property'], message });
    }
  })
  .transform((list) => Object.fromEntries(list.map((item) => [item.property, item.value])));
const contactBody = z.union(
  [z.array(z.unknown()), z.object({ properties: z.union([z.array(z.unknown()), z.looseObject({})]) })],
  { error: 'The body must be {"properties": {…}} or [{"property": …, "value": …}]' },
);

/** Determines the format first, so that the error names the invalid field. */
function parseProperties(body: unknown): Record<string, string> {
  const given = parse(contactBody, body);
  const properties = Array.isArray(given) ? given : given.properties;
  return Array.isArray(properties) ? parse(propertyList, properties) : parse(propertyMap, properties);
}

export function contactRoutes(hubspotFor: HubSpotFor, apiKey: RequestHandler): Router {
  const params = z.object({ hubId, email });
  return Router()
    .get('/hubid/:hubId/contact/:email', apiKey, async (req, res) => {
      const { hubId, email } = parse(params, req.params);
      res.json(await hubspotFor(hubId).contacts.getByEmail(email));
    })
    .post('/hubid/:hubId/contact/:email', apiKey, jsonBody, async (req, res) => {
      const { hubId, email } = parse(params, req.params);
      const { contact, created } = await hubspotFor(hubId).contacts.createOrUpdate(
        email,
        parseProperties(req.body),
      );
      res.status(created ? 201 : 200).json(contact);
    });
}
