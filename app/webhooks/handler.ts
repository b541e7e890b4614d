import { notePlace } from '../base/definition-place.ts';
import type { Logger } from '../base/logger.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import type { InstallStatus } from '../installs/service.ts';
import type { Enqueue } from '../jobs/index.ts';
import type { AppEvent } from '../timeline/app-event.ts';
import type { NewTimelineEvent } from '../timeline/service.ts';
import type { HandlerDb } from './dispatcher.ts';
import type { WebhookEvent } from './event/event.ts';
import type { PROMISED_FIELDS } from './event/fields.ts';

type With<Field extends keyof WebhookEvent> = WebhookEvent & {
  readonly [F in Field]-?: NonNullable<WebhookEvent[F]>;
} & { readonly isOwnWrite: boolean };

/** Subscription types and what their events carry. */
export type WebhookEvents = {
  readonly [Type in keyof typeof PROMISED_FIELDS]: With<(typeof PROMISED_FIELDS)[Type][number]>;
};

export type SubscriptionType = keyof WebhookEvents;

/** Conditions that events of the type can meet. */
type Conditions<Type extends SubscriptionType> = {
  /** False: no changes that this app made itself, so that a handler that writes back does not trigger itself. */
  readonly ownWrites?: false;
  /** Such as CRM, CRM_UI, API, INTEGRATION, IMPORT. */
  readonly changeSources?: readonly string[];
} & (Type extends `${string}.propertyChange`
  ? {
      /** Names of properties. They are also what is subscribed to. */
      readonly properties?: readonly string[];
    }
  : { readonly properties?: never }) &
  (Type extends `object.${string}`
    ? {
        /** Ids of object types, such as `0-1`; of an association, the one that it is told from. */
        readonly objectTypeIds?: readonly string[];
      }
    : { readonly objectTypeIds?: never });

export interface WebhookHandler<Type extends SubscriptionType = SubscriptionType> {
  readonly name: string;
  readonly on: Type;
  /** Only events that match; others of the type are not handed to this handler. */
  readonly when?: Conditions<Type>;
  /**
   * Throw to have the event tried again later, and await all that may fail: what nobody awaits is only logged. Writes
   * through `context.db` happen once; other effects may happen
   * again when a process dies at the wrong moment, so give them ids of their own from `context.eventId`.
   */
  handle(event: WebhookEvents[Type], context: WebhookContext): Promise<void>;
}

export interface WebhookContext {
  readonly log: Logger;
  /** HubSpot's APIs, authorised for the event's portal. */
  readonly hubspot: PortalClient;
  /** The portal's install as it is now, read when first asked for: `(await install()).has('tickets')`. */
  readonly install: () => Promise<InstallStatus>;
  /** The same for every copy and every retry of this event. */
  readonly eventId: string;
  /** Counted from 1. */
  readonly attempt: number;
  /**
   * Aborted when the handler has run for two minutes and its event is to be tried again. Hand it to what takes time,
   * and stop: nothing ends a handler from outside. The next events of its record wait for it for two minutes more, and
   * then run beside it.
   */
  readonly signal: AbortSignal;
  /** A transaction that commits together with the mark that this event is done, or not at all. */
  readonly db: HandlerDb;
  /**
   * Puts an app event on a timeline of the event's portal. Sent again under its id by a retry or a replay of this event,
   * it keeps the first content. Other content under the id of an event from elsewhere is an error.
   */
  readonly sendTimelineEvent: <Type extends AppEvent = AppEvent>(
    event: NewTimelineEvent<Type>,
  ) => Promise<unknown>;
  /** Queues a job in the handler's transaction: it commits together with `db`, or not at all. */
  readonly enqueue: Enqueue;
}

/** A handler as the registry holds it, whatever its type. */
// biome-ignore lint/suspicious/noExplicitAny: the registry matches each handler with events of its own type.
export type AnyWebhookHandler = WebhookHandler<any>;

/** Types the event of `handle` by `on`. */
export const defineHandler = <Type extends SubscriptionType>(
  handler: WebhookHandler<Type>,
): WebhookHandler<Type> => notePlace(handler);
