import type { PortalClient } from '../hubspot/portal-client.ts';
import type { Logger } from '../logger.ts';
import type { NewTimelineEvent } from '../services/timeline-service.ts';
import type { WebhookEvent } from '../services/webhook-event.ts';

export interface WebhookHandler {
  readonly name: string;
  /** Subscription type, such as `contact.propertyChange`. */
  readonly on: string;
  /** Throw to have the event tried again later. May run more than once for one event: make effects repeatable. */
  readonly handle: (event: WebhookEvent, context: WebhookContext) => Promise<void>;
}

export interface WebhookContext {
  readonly log: Logger;
  /** HubSpot's APIs, authorised for the event's portal. */
  readonly hubspot: PortalClient;
  /** The same for every copy and every retry of this event: an id to derive other ids from. */
  readonly eventKey: string;
  /** Puts an app event on a timeline of the event's portal. */
  readonly sendTimelineEvent: (event: NewTimelineEvent) => Promise<unknown>;
}
