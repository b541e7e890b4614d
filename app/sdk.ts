/** All that `integration/` may use of this server: `import { … } from '#app'`. */
export {
  type Card,
  type CardActionContext,
  type CardActionHandler,
  type CardActionRequest,
  type CardAnswer,
  type CardContext,
  type CardPage,
  type CardRequest,
  cardAnswer,
  defineCard,
  type PortalContext,
} from './cards/index.ts';
export type { TimelineTarget } from './hubspot/apis/timeline.ts';
export { HubSpotError } from './hubspot/client/errors.ts';
export type { PortalClient } from './hubspot/portal-client.ts';
export type { Scope } from './hubspot/published-scopes.ts';
export type { PartnerSignIn } from './installs/partner-sign-in.ts';
export { defineIntegration, type Integration } from './integration.ts';
export {
  defineJob,
  type Enqueue,
  type EnqueueOptions,
  type Job,
  type JobContext,
  type ScheduledJob,
} from './jobs/index.ts';
export { type AppEvent, defineAppEvent } from './timeline/app-event.ts';
export type { NewTimelineEvent } from './timeline/service.ts';
export {
  type AnyWebhookHandler,
  defineHandler,
  type WebhookContext,
  type WebhookHandler,
} from './webhooks/handler.ts';
export { previousValue } from './webhooks/previous-value.ts';
