import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { ManagedSubscription } from '../state/subscriptions.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { answerBatch, eachAlone } from './batch-answer.ts';
import { parseInput } from './request-input.ts';
import { newSubscription, subscriptionCreate } from './subscription-input.ts';

const settingsBody = z.object({
  targetUrl: z.url({ protocol: /^https?$/ }).refine(isPublicOrLocal, 'must be https, or http on localhost'),
  throttling: z.object({ maxConcurrentRequests: z.number().int().min(6, 'must be more than 5') }),
});
const patchBody = z.object({ active: z.boolean().optional() });
const batchBody = z.object({
  inputs: z.array(z.object({ id: z.number().int(), active: z.boolean() })).min(1),
});

const MAX_SUBSCRIPTIONS = 1000;
const bases = ['/webhooks/v3', '/webhooks/2026-03', '/app-webhooks/2026-09'];

/**
 * The webhooks management API. It belongs to the developer, not to a customer: its key is that of the developer
 * account. The sandbox applies its settings.
 */
export function webhooksApi({ settings, subscriptions }: SandboxContext): Router {
  const routes = Router({ mergeParams: true });
  routes.use(developerOnly);

  routes.get('/settings', (_req, res) => {
    if (subscriptions.settings().paused) throw notFound('The app has no webhook settings.');
    res.json(settingsAnswer());
  });

  routes.put('/settings', (req, res) => {
    const { targetUrl, throttling } = parseInput(settingsBody, req.body);
    settings.change({
      webhookTargetUrl: targetUrl,
      maxConcurrentRequests: throttling.maxConcurrentRequests,
    });
    subscriptions.setPaused(false);
    res.json(settingsAnswer());
  });

  routes.delete('/settings', (_req, res) => {
    subscriptions.setPaused(true);
    res.status(204).end();
  });

  routes.get('/subscriptions', (_req, res) => {
    res.json({ results: subscriptions.list().map(subscriptionAnswer) });
  });

  routes.post('/subscriptions', (req, res) => {
    const wanted = newSubscription(settings.get(), parseInput(subscriptionCreate, req.body));
    if (subscriptions.list().length >= MAX_SUBSCRIPTIONS) {
      throw validationError(`An app has at most ${MAX_SUBSCRIPTIONS} subscriptions.`);
    }
    const same = subscriptions
      .list()
      .find(
        (other) =>
          other.subscriptionType === wanted.subscriptionType &&
          other.propertyName === wanted.propertyName &&
          other.objectType === wanted.objectType,
      );
    if (same) {
      throw new ApiError(409, 'CONFLICT', `The subscription ${same.subscriptionId} is the same.`);
    }
    res.status(201).json(subscriptionAnswer(subscriptions.add(wanted)));
  });

  routes.post('/subscriptions/batch/update', (req, res) => {
    const { results, errors } = eachAlone(parseInput(batchBody, req.body).inputs, ({ id, active }) => {
      const subscription = existing(id);
      subscriptions.setActive(subscription, active);
      return subscriptionAnswer(subscription);
    });
    answerBatch(res, 200, results, errors);
  });

  routes.get('/subscriptions/:subscriptionId', (req, res) => {
    res.json(subscriptionAnswer(existing(Number(req.params.subscriptionId))));
  });

  routes.patch('/subscriptions/:subscriptionId', (req, res) => {
    const subscription = existing(Number(req.params.subscriptionId));
    const { active = subscription.active } = parseInput(patchBody, req.body);
    subscriptions.setActive(subscription, active);
    res.json(subscriptionAnswer(subscription));
  });

  routes.delete('/subscriptions/:subscriptionId', (req, res) => {
    subscriptions.remove(existing(Number(req.params.subscriptionId)).subscriptionId);
    res.status(204).end();
  });

  function developerOnly(...[req, _res, next]: Parameters<RequestHandler>) {
    const { appId, developerApiKey } = settings.get();
    if (req.query.hapikey !== developerApiKey) {
      throw new ApiError(
        401,
        'INVALID_AUTHENTICATION',
        'This API takes the API key of the developer account.',
      );
    }
    if (req.params.appId !== String(appId)) throw notFound(`There is no app ${req.params.appId}.`);
    next();
  }

  function existing(id: number): ManagedSubscription {
    const found = subscriptions.find(id);
    if (!found) throw notFound(`There is no subscription with the id ${id}.`);
    return found;
  }

  /** SPEC `SettingsResponse`. */
  function settingsAnswer() {
    const { webhookTargetUrl, maxConcurrentRequests } = settings.get();
    const { createdAt, updatedAt } = subscriptions.settings();
    return {
      targetUrl: webhookTargetUrl,
      throttling: { maxConcurrentRequests },
      createdAt: new Date(createdAt).toISOString(),
      updatedAt: new Date(updatedAt).toISOString(),
    };
  }

  return Router().use(
    bases.map((base) => `${base}/:appId`),
    routes,
  );
}

/** SPEC `SubscriptionResponse`. */
function subscriptionAnswer(subscription: ManagedSubscription) {
  const { subscriptionId, subscriptionType, propertyName, objectType, active } = subscription;
  return {
    id: String(subscriptionId),
    eventType: subscriptionType,
    ...(propertyName !== undefined && { propertyName }),
    ...(objectType !== undefined && { objectTypeId: objectType }),
    active,
    createdAt: new Date(subscription.createdAt).toISOString(),
    updatedAt: new Date(subscription.updatedAt).toISOString(),
  };
}

/** HubSpot requires https, but an app next to a sandbox has no certificate. */
function isPublicOrLocal(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}
