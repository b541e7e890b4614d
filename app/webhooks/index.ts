export { webhookFailure, webhookListener } from './controller.ts';
export { BUILT_IN_HANDLERS, createProjectWriter, createWebhooks, type Webhooks } from './create.ts';
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
} from './event/handler-event.ts';
export {
  type AnyWebhookHandler,
  defineHandler,
  type HandlerDb,
  type WebhookContext,
  type WebhookHandler,
} from './handler.ts';
export { handlerProblems } from './handler-check.ts';
export { hasEventSince } from './has-event-since.ts';
export { webhookJobs } from './jobs.ts';
export type {
  ChangeOptions,
  DeliveryFilter,
  DeliverySummary,
  EventFilter,
  EventSummary,
  LedgerChange,
  WebhookLedger,
} from './ledger/service.ts';
export { publishLifecycle } from './lifecycle-events.ts';
export { createOwnWrites, type OwnWrites } from './own-writes/service.ts';
export { PermanentError } from './permanent-error.ts';
export { LANES } from './pipeline/lanes.ts';
export { previousValue } from './previous-value.ts';
export { hasErasedSince } from './privacy/service.ts';
export type { ComparedSubscription, WebhookSubscriptions } from './subscriptions/service.ts';
