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
export type { ApiRequest } from './hubspot/client/api-request.ts';
export { HubSpotError } from './hubspot/client/errors.ts';
export type { PortalClient } from './hubspot/portal-client.ts';
export type { Scope } from './hubspot/published-scopes.ts';
export type { InstallStatus, PartnerSignIn } from './installs/index.ts';
export { defineIntegration, type Integration } from './integration.ts';
export {
  defineJob,
  type Enqueue,
  type EnqueueOptions,
  type Job,
  type JobContext,
  type ScheduledJob,
} from './jobs/index.ts';
export { type AppEvent, defineAppEvent, type NewTimelineEvent } from './timeline/index.ts';
export type {
  AssociationChangeEvent,
  ConversationEvent,
  CreationEvent,
  DeletionEvent,
  EventOf,
  HandlerEvent,
  LifecycleEvent,
  MergeEvent,
  ObjectEvent,
  PrivacyDeletionEvent,
  PropertyChangeEvent,
  RestoreEvent,
  SubscriptionType,
} from './webhooks/index.ts';
export {
  type AnyWebhookHandler,
  defineHandler,
  type HandlerDb,
  PermanentError,
  previousValue,
  type WebhookContext,
  type WebhookHandler,
} from './webhooks/index.ts';
