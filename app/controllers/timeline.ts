import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { TimelineService } from '../services/timeline-service.ts';
import { email, hubId, jsonBody, parse } from './parse.ts';

const params = z.object({ hubId, email });

const propertyValue = z.union([z.string(), z.number()], { error: 'must be a string or a number' });

/** Everything is optional: a PUT without a body sends the example event. */
const timelineBody = z
  .strictObject({
    id: z.string().min(1).max(200).optional(),
    eventTypeName: z.string().min(1).optional(),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    properties: z.record(z.string(), propertyValue).optional(),
    extraData: z.record(z.string(), z.unknown()).optional(),
  })
  .default({});

const EXAMPLE = {
  properties: { title: 'You got approval!', source: 'api' },
  extraData: { message: 'Sent through PUT /hubid/:hubId/timeline/:email.' },
};

export function timelineRoutes(timeline: TimelineService, apiKey: RequestHandler): Router {
  return Router().put('/hubid/:hubId/timeline/:email', apiKey, jsonBody, async (req, res) => {
    const { hubId, email } = parse(params, req.params);
    const event = parse(timelineBody, req.body);
    const { id, state } = await timeline.send(hubId, { ...EXAMPLE, ...event, email });
    res.status(state === 'sent' ? 200 : 202).json({ success: true, hubId: String(hubId), email, id, state });
  });
}
