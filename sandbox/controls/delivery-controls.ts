import { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { answerOf, fetchCard, fetchMarketingEvent } from '../signed-fetch.ts';
import type { WebhookEvent } from '../webhooks/change-events.ts';
import { MAX_EVENTS_PER_REQUEST } from '../webhooks/delivery-queue.ts';
import { ControlError, parseControl } from './control-error.ts';

const id = z.union([z.string().min(1), z.number().int()]).transform(String);
const webhooksBody = z.strictObject({
  events: z.array(z.record(z.string(), z.unknown())).min(1),
  /** Only this version's headers. Default: v1 and v3, as HubSpot sends them. */
  signature: z.enum(['v1', 'v2', 'v3']).optional(),
  /** How often each event is sent; with 1.2 a fifth of them are sent twice. */
  copies: z.number().min(1).default(1),
  batchSize: z.number().int().min(1).default(MAX_EVENTS_PER_REQUEST),
  /** Random order; or each event at most this many places too late. */
  shuffle: z.union([z.boolean(), z.number().int().min(1)]).default(false),
  /** Delay of the first request on the sandbox clock. The response waits as well. */
  delayMs: z.number().int().min(0).default(0),
  /** The period over which the requests are spread, on the sandbox clock. */
  spreadMs: z.number().int().min(0).default(0),
  /** Concurrent requests per portal. Default: the app's limit. */
  concurrency: z.number().int().min(1).optional(),
  /** Retries what the app did not accept, as HubSpot does. */
  retry: z.boolean().default(false),
  /** The maximum delay of retries; the response waits for them. */
  maxDelayMs: z.number().int().min(0).optional(),
});
const cardBody = z.strictObject({
  portalId: z.number().int(),
  objectType: z.string().default('contact'),
  objectId: id,
  card: z.string().optional(),
});
const marketingEventBody = z.strictObject({ externalEventId: id, externalAccountId: id });
const deliveriesQuery = z.object({ portalId: z.coerce.number().int().optional() });

/** The controls that make this HubSpot call the app. */
export function deliveryControls(ctx: SandboxContext): Router {
  const router = Router();

  router.post('/webhooks', async (req, res) => {
    const { events, signature, ...options } = parseControl(webhooksBody, req.body);
    const versions = signature && [signature];
    const complete = events.map((event) => completed(ctx, event));
    res.json({ deliveries: await ctx.deliveries.deliverNow(complete, { ...options, versions }) });
  });

  router.get('/deliveries', (req, res) => {
    const { portalId } = parseControl(deliveriesQuery, req.query);
    res.json({ results: ctx.deliveries.deliveries(portalId) });
  });

  router.post('/card', async (req, res) => {
    const { portalId, objectType, objectId, card } = parseControl(cardBody, req.body);
    const type = ctx.schemas.find(portalId, objectType);
    const record = type && ctx.records.find(portalId, type, objectId);
    if (!record)
      throw new ControlError(404, `Portal ${portalId} has no ${objectType} with the id ${objectId}.`);
    res.json(answerOf(await fetchCard(ctx, record, card)));
  });

  router.post('/marketing-event', async (req, res) => {
    res.json(answerOf(await fetchMarketingEvent(ctx, parseControl(marketingEventBody, req.body))));
  });

  return router;
}

/** Adds the fields that every event has. */
function completed({ settings, subscriptions, deliveries }: SandboxContext, event: Record<string, unknown>) {
  const { subscriptionType = 'contact.propertyChange', propertyName } = event;
  const subscription =
    subscriptions
      .list()
      .find(
        (declared) =>
          declared.subscriptionType === subscriptionType &&
          (propertyName === undefined || declared.propertyName === propertyName),
      ) ?? subscriptions.list()[0];
  const filled: WebhookEvent = {
    eventId: deliveries.newEventId(),
    subscriptionId: subscription?.subscriptionId ?? 0,
    portalId: 62515,
    appId: settings.get().appId,
    occurredAt: Date.now(),
    subscriptionType: String(subscriptionType),
    attemptNumber: 0,
    changeSource: 'CRM_UI',
  };
  return { ...filled, ...event } as WebhookEvent;
}
