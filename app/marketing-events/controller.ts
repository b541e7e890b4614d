import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { notFound } from '../base/errors.ts';
import { jsonBody, parse } from '../http/parse.ts';
import type { SignedRequest } from '../http/signature/signed-request.ts';
import type { MarketingEventService } from './service.ts';

const instant = z.iso.datetime({ offset: true });

/** HubSpot's PropertyValue; its other fields are passed on. */
const customProperty = z.looseObject({ name: z.string().min(1), value: z.string() });

const marketingEventDetails = z
  .strictObject({
    eventName: z.string().min(1),
    eventOrganizer: z.string().min(1),
    eventType: z.string().optional(),
    startDateTime: instant.optional(),
    endDateTime: instant.optional(),
    eventDescription: z.string().optional(),
    eventUrl: z.url().optional(),
    eventCancelled: z.boolean().default(false),
    customProperties: z.array(customProperty).optional(),
  })
  .refine(endsAfterItStarts, { path: ['endDateTime'], error: 'must not be before startDateTime' });

const externalId = z.string().min(1).max(255);
const record = z.object({ externalAccountId: externalId, externalEventId: externalId });

export function marketingEventRoutes(
  events: MarketingEventService,
  appId: number,
  signedRequest: SignedRequest,
  apiKey: RequestHandler,
): Router {
  return (
    Router()
      // HubSpot's event details URL is `SERVER_URL/events/%s`.
      .get('/events/:externalEventId', signedRequest('eventDetails'), async (req, res) => {
        const { externalAccountId, externalEventId } = parse(record, { ...req.query, ...req.params });
        if (req.query.appId !== String(appId)) throw notFound('This server answers for another app.');
        res.json(await events.find(externalAccountId, externalEventId));
      })
      .get('/marketing-events/:externalAccountId/:externalEventId', apiKey, async (req, res) => {
        const { externalAccountId, externalEventId } = parse(record, req.params);
        res.json(await events.find(externalAccountId, externalEventId));
      })
      .put('/marketing-events/:externalAccountId/:externalEventId', apiKey, jsonBody, async (req, res) => {
        const { externalAccountId, externalEventId } = parse(record, req.params);
        const details = parse(marketingEventDetails, req.body);
        const created = await events.put(externalAccountId, externalEventId, details);
        res.status(created ? 201 : 200).json(details);
      })
      .delete('/marketing-events/:externalAccountId/:externalEventId', apiKey, async (req, res) => {
        const { externalAccountId, externalEventId } = parse(record, req.params);
        await events.remove(externalAccountId, externalEventId);
        res.status(204).end();
      })
  );
}

function endsAfterItStarts({ startDateTime, endDateTime }: { startDateTime?: string; endDateTime?: string }) {
  if (startDateTime === undefined || endDateTime === undefined) return true;
  return Date.parse(endDateTime) >= Date.parse(startDateTime);
}
