import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import { HubSpotError } from '../client/errors.ts';
import type { HubSpotRequest, Send } from '../client/http.ts';
import { pathPart } from '../client/path-part.ts';
import { apiPaths } from '../versions.ts';

const settingsAnswer = z.object({
  targetUrl: z.string(),
  throttling: z.object({ maxConcurrentRequests: z.number().int() }),
});

const subscriptionAnswer = z.object({
  id: z.coerce.string(),
  /** Such as `contact.propertyChange`. */
  eventType: z.string(),
  propertyName: z.string().nullish(),
  objectTypeId: z.string().nullish(),
  active: z.boolean(),
});

const subscriptionsAnswer = z.object({ results: z.array(subscriptionAnswer) });

export type WebhookSettings = z.output<typeof settingsAnswer>;
export type WebhookSubscription = z.output<typeof subscriptionAnswer>;

export interface NewSubscription {
  readonly eventType: string;
  readonly propertyName?: string;
  readonly objectTypeId?: string;
}

export type WebhookSettingsApi = ReturnType<typeof createWebhookSettingsApi>;

/**
 * A legacy app's webhook settings and subscriptions. They belong to the developer account, whose API key is sent in
 * the query; project apps have theirs in their project.
 * @see https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide
 */
export function createWebhookSettingsApi(
  send: Send,
  { appId, developerApiKey }: { appId: number; developerApiKey: string },
  paths = apiPaths,
) {
  const base = `${paths.webhooks.path}/${appId}`;

  async function call<T extends z.ZodType>(
    schema: T,
    request: Pick<HubSpotRequest, 'method' | 'path' | 'json'>,
  ): Promise<z.output<T>> {
    const answer = await send({ ...request, query: { hapikey: developerApiKey } });
    return readAnswer(schema, answer, request);
  }

  return {
    /** @returns undefined when the app has none. */
    async settings(): Promise<WebhookSettings | undefined> {
      try {
        return await call(settingsAnswer, { method: 'GET', path: `${base}/settings` });
      } catch (error) {
        if (error instanceof HubSpotError && error.status === 404) return undefined;
        throw error;
      }
    },

    /** HubSpot applies it within five minutes. */
    async changeSettings({ targetUrl, throttling }: WebhookSettings): Promise<void> {
      const json = { targetUrl, throttling };
      await call(settingsAnswer, { method: 'PUT', path: `${base}/settings`, json });
    },

    async subscriptions(): Promise<WebhookSubscription[]> {
      const path = `${base}/subscriptions`;
      return (await call(subscriptionsAnswer, { method: 'GET', path })).results;
    },

    /** Active at once: without `active` HubSpot creates it paused. */
    async subscribe(subscription: NewSubscription): Promise<WebhookSubscription> {
      const json = { ...subscription, active: true };
      return call(subscriptionAnswer, { method: 'POST', path: `${base}/subscriptions`, json });
    },

    async activate(id: string): Promise<void> {
      const path = `${base}/subscriptions/${pathPart(id)}`;
      await call(subscriptionAnswer, { method: 'PATCH', path, json: { active: true } });
    },

    async unsubscribe(id: string): Promise<void> {
      const path = `${base}/subscriptions/${pathPart(id)}`;
      await call(z.unknown(), { method: 'DELETE', path });
    },
  };
}
