import express, { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { PortalClient } from '../hubspot/portal-client.ts';
import { BODY_LIMIT } from '../verification/raw-body.ts';
import { email, hubId, parse } from './parse.ts';

const value = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .transform((it) => (it === null ? '' : String(it)));
const propertyMap = z.record(z.string().min(1), value);
/** The shape of HubSpot's 2019 API, still in many scripts. */
const propertyList = z
  .array(z.object({ property: z.string().min(1), value }))
  .transform((list) => Object.fromEntries(list.map((item) => [item.property, item.value])));
const properties = z.union([propertyMap, propertyList], {
  error: 'must be {"name": "value", …} or [{"property": "name", "value": "value"}, …]',
});
const contactBody = z.union([z.object({ properties }).transform((body) => body.properties), propertyList], {
  error: 'The body must be {"properties": {…}} or [{"property": …, "value": …}]',
});

export function contactRoutes(
  hubspotFor: (portalId: number) => PortalClient,
  apiKey: RequestHandler,
): Router {
  const params = z.object({ hubId, email });
  return Router()
    .get('/hubid/:hubId/contact/:email', apiKey, async (req, res) => {
      const { hubId, email } = parse(params, req.params);
      res.json(await hubspotFor(hubId).contacts.getByEmail(email));
    })
    .post('/hubid/:hubId/contact/:email', apiKey, express.json({ limit: BODY_LIMIT }), async (req, res) => {
      const { hubId, email } = parse(params, req.params);
      const { contact, created } = await hubspotFor(hubId).contacts.createOrUpdate(
        email,
        parse(contactBody, req.body),
      );
      res.status(created ? 201 : 200).json(contact);
    });
}
