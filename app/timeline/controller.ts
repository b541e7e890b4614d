import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { invalidRequest } from '../base/errors.ts';
import { email, hubId, jsonBody, parse } from '../http/parse.ts';
import type { TimelineService } from './service.ts';

const params = z.object({ hubId, email });

const propertyValue = z.union([z.string(), z.number()], { error: 'must be a string or a number' });

const name = z.string().min(1).max(200);

/** HubSpot's guide of 2019 uses `Date.now()`, a number, as the id. Fractions and unsafe integers are invalid. */
const eventId = z
  .union([name, z.int()], { error: 'must be text of 1 to 200 characters, or a whole number' })
  .transform(String);

/** Fields of the timeline API of 2019 that app events do not have. */
const old = z.undefined(
  'names an event type of the old timeline API; name an app event type in eventTypeName',
);

/** All fields are optional: a PUT without a body sends an event of the default type without properties. */
const timelineBody = z
  .strictObject({
    id: eventId.optional(),
    eventTypeName: name.optional(),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    properties: z.record(z.string(), propertyValue).optional(),
    extraData: z.record(z.string(), z.unknown()).optional(),
    email: email.optional(),
    eventTypeId: old.optional(),
    eventTypeid: old.optional(),
  })
  .default({});

export function timelineRoutes(timeline: TimelineService, apiKey: RequestHandler): Router {
  return Router().put('/hubid/:hubId/timeline/:email', apiKey, jsonBody, async (req, res) => {
    const { hubId, email } = parse(params, req.params);
    const { email: named = email, ...event } = parse(timelineBody, req.body);
    if (named.toLowerCase() !== email.toLowerCase())
      throw invalidRequest('email: must be the address in the path.');
    const { id, state } = await timeline.send(hubId, { ...event, email });
    res.status(state === 'sent' ? 200 : 202).json({ success: true, hubId: String(hubId), email, id, state });
  });
}
