import { notePlace } from '../base/definition-place.ts';
import type { Logger } from '../base/logger.ts';
import type { Db } from '../db/pool.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import type { InstallStatus } from '../installs/index.ts';
import type { Enqueue } from '../jobs/index.ts';
import type { AppEvent, NewTimelineEvent } from '../timeline/index.ts';
import type {
  EventOf,
  GenericType,
  LifecycleType,
  PropertyChangeType,
  SubscriptionType,
} from './event/handler-event.ts';
import type { RunStep } from './steps/steps.ts';

type On = SubscriptionType | readonly SubscriptionType[];
type TypesOf<Listed extends On> = Listed extends readonly SubscriptionType[] ? Listed[number] : Listed;

/** A condition is needed or allowed when a type of the list has its field, and forbidden otherwise. */
type Needed<Types, Field> = [Types] extends [never] ? { readonly [F in keyof Field]?: never } : Field;
type Allowed<Types, Field> = [Types] extends [never]
  ? { readonly [F in keyof Field]?: never }
  : Partial<Field>;

/**
 * Conditions that events of the types can meet. In a list of types, a condition narrows the types whose events have the
 * field; events of the others are handled whatever it says.
 */
type Conditions<Type extends SubscriptionType, Property extends string> = {
  /** False: no changes that this app made itself, so that a handler that writes back does not trigger itself. */
  readonly ownWrites?: false;
} & Allowed<
  Exclude<Type, LifecycleType>,
  {
    /** Such as CRM, CRM_UI, API, INTEGRATION, IMPORT. */
    readonly changeSources: readonly string[];
  }
> &
  Needed<
    Extract<Type, PropertyChangeType>,
    {
      /** Names of properties. HubSpot sends the changes of these only. */
      readonly properties: readonly Property[];
    }
  > &
  Needed<
    Extract<Type, GenericType>,
    {
      /** Ids of object types, such as `0-1`; of an association, the type of its `from` end. */
      readonly objectTypeIds: readonly string[];
    }
  >;

type When<Type extends SubscriptionType, Property extends string> = [
  Extract<Type, PropertyChangeType | GenericType>,
] extends [never]
  ? { readonly when?: Conditions<Type, Property> }
  : { readonly when: Conditions<Type, Property> };

interface Handler<Listed extends On, Property extends string> {
  /** Stands in logs and dead letters. Each handler has its own. */
  readonly name: string;
  /** A subscription type, or a list of them. */
  readonly on: Listed;
  /**
   * Throw to have the event retried, or a `PermanentError` to end it at once. Await all that may fail: a rejection that
   * nobody awaits is only logged. Writes through `context.db` happen once. Other effects may happen again after a failure
   * or a crash: use `context.step`, or make them idempotent with ids made of `context.eventId`.
   */
  readonly handle: (event: EventOf<TypesOf<Listed>, Property>, context: WebhookContext) => Promise<void>;
}

export type WebhookHandler<Listed extends On = On, Property extends string = string> = Handler<
  Listed,
  Property
> &
  When<TypesOf<Listed>, Property>;

/** A handler in the registry, which hands it only events of its own types. */
export interface AnyWebhookHandler {
  readonly name: string;
  readonly on: On;
  readonly when?:
    | {
        readonly ownWrites?: false | undefined;
        readonly changeSources?: readonly string[] | undefined;
        readonly properties?: readonly string[] | undefined;
        readonly objectTypeIds?: readonly string[] | undefined;
      }
    | undefined;
  readonly handle: (event: never, context: WebhookContext) => Promise<void>;
}

export const typesOf = ({ on }: Pick<AnyWebhookHandler, 'on'>): readonly SubscriptionType[] =>
  typeof on === 'string' ? [on] : on;

/** The transaction that a handler writes in. */
export type HandlerDb = Db;

export interface WebhookContext {
  readonly log: Logger;
  /** HubSpot's APIs, authorised for the event's portal. */
  readonly hubspot: PortalClient;
  /** The portal's install as it is now, read on the first call: `(await install()).has('tickets')`. */
  readonly install: () => Promise<InstallStatus>;
  /** The same for every copy and every retry of this event. */
  readonly eventId: string;
  /** Counted from 1. */
  readonly attempt: number;
  /**
   * Aborted when the handler times out after two minutes; its event is retried. Hand it to slow calls, and stop: nothing
   * ends a handler from outside. The next events of its record wait two minutes more and then run beside it.
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
  /**
   * Does something that a retry of the event must not repeat, such as creating a note, and stores its result under the
   * event, the handler and the name: `const note = await step('note', () => hubspot.notes.create({ … }))`. A later
   * attempt gets the stored result. The result must be JSON; names must be unique within the handler.
   */
  readonly step: RunStep;
  /** Queues a job in the handler's transaction: it commits together with `db`, or not at all. */
  readonly enqueue: Enqueue;
}

/** Types the event of `handle` by `on`, and its `propertyName` by `when.properties`. */
export const defineHandler = <const Listed extends On, const Property extends string = string>(
  handler: WebhookHandler<Listed, Property>,
): WebhookHandler<Listed, Property> => notePlace(handler);
