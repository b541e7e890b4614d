import type { PortalClient } from '../hubspot/portal-client.ts';
import type { Logger } from '../logger.ts';
import type { InstallStatus } from '../services/install-service.ts';
import type { NewTimelineEvent } from '../services/timeline-service.ts';
import type { HandlerDb } from '../services/webhook-dispatcher.ts';
import type { WebhookEvent } from '../services/webhook-event.ts';

type With<Field extends keyof WebhookEvent> = WebhookEvent & {
  readonly [F in Field]-?: NonNullable<WebhookEvent[F]>;
};

type LegacyObject = 'contact' | 'company' | 'deal' | 'ticket' | 'line_item' | 'product';

/** Subscription types and what their events carry. @see platform: webhooks, event types */
export type WebhookEvents = {
  readonly [T in `${LegacyObject}.${'creation' | 'deletion' | 'restore'}`]: With<'objectId'>;
} & { readonly [T in `${LegacyObject}.propertyChange`]: With<'objectId' | 'propertyName'> } & {
  readonly [T in `${LegacyObject}.merge`]: With<'primaryObjectId' | 'mergedObjectIds'>;
} & {
  readonly [T in `${Exclude<LegacyObject, 'product'>}.associationChange`]: With<
    'fromObjectId' | 'toObjectId'
  >;
} & {
  readonly [T in `object.${'creation' | 'deletion' | 'restore'}`]: With<'objectId' | 'objectTypeId'>;
} & {
  readonly 'object.propertyChange': With<'objectId' | 'objectTypeId' | 'propertyName'>;
  readonly 'object.merge': With<'objectTypeId'>;
  readonly 'object.associationChange': With<'fromObjectId' | 'toObjectId'>;
  readonly 'contact.privacyDeletion': With<'objectId'>;
  readonly 'conversation.creation': With<'objectId'>;
  readonly 'conversation.deletion': With<'objectId'>;
  readonly 'conversation.privacyDeletion': With<'objectId'>;
  readonly 'conversation.newMessage': With<'objectId' | 'messageId'>;
  readonly 'conversation.propertyChange': With<'objectId' | 'propertyName'>;
  /** Ours, once per install: HubSpot sends no webhook for either. `objectId` is the install's id, the
   * same in both and larger at each reinstall. */
  readonly 'app.installed': With<'objectId'>;
  readonly 'app.uninstalled': With<'objectId'>;
};

export type SubscriptionType = keyof WebhookEvents;

export interface WebhookHandler<Type extends SubscriptionType = SubscriptionType> {
  readonly name: string;
  readonly on: Type;
  /** Only events that match; others of the type are not handed to this handler. */
  readonly when?: {
    /** For `propertyChange`: names of properties. They are also what is subscribed to. */
    readonly properties?: readonly string[];
    /** Such as CRM, CRM_UI, API, INTEGRATION, IMPORT. */
    readonly changeSources?: readonly string[];
    /** For `object.*`: ids of object types, such as `0-1`; of an association, the one that it is told from. */
    readonly objectTypeIds?: readonly string[];
  };
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
  /** Puts an app event on a timeline of the event's portal. */
  readonly sendTimelineEvent: (event: NewTimelineEvent) => Promise<unknown>;
}

/** A handler as the registry holds it, whatever its type. */
// biome-ignore lint/suspicious/noExplicitAny: the registry matches each handler with events of its own type.
export type AnyWebhookHandler = WebhookHandler<any>;

/** Types the event of `handle` by `on`. */
export const defineHandler = <Type extends SubscriptionType>(
  handler: WebhookHandler<Type>,
): WebhookHandler<Type> => handler;
