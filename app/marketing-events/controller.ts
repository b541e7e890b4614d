import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { notFound } from '../base/errors.ts';
import { jsonBody, parse } from '../http/parse.ts';
import type { SignedRequest } from '../http/signature/signed-request.ts';
import { type MarketingEventService, marketingEventDetails } from './service.ts';

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
