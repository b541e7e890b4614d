/** All that `integration/` may use of this server: `import { … } from '#app'`. */
export type { Card, CardAnswer, CardContext, CardRequest } from './cards/card.ts';
export { HubSpotError } from './hubspot/client/errors.ts';
export type { PortalClient } from './hubspot/portal-client.ts';
export type { InstallStatus } from './installs/service.ts';
export { defineIntegration, type Integration } from './integration.ts';
export type { NewTimelineEvent } from './timeline/service.ts';
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
} from './webhooks/event/handler-event.ts';
export {
  type AnyWebhookHandler,
  defineHandler,
  type HandlerDb,
  previousValue,
  type WebhookContext,
  type WebhookHandler,
} from './webhooks/index.ts';
