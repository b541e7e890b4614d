import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { currentCause } from '../../base/trace.ts';
import type { Db, Pool } from '../../db/pool.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import type { Send } from '../../hubspot/client/http.ts';
import { isId, textOf, type WebhookEvent } from '../event/event.ts';
import { ownWritesStore } from './store.ts';
import { associationChange, changesOf, markOf, propertyChange, type RecordChange } from './written-values.ts';

/**
 * Deliveries arrive within seconds. Not longer, because a busy portal adds a thousand rows a second: a later delivery
 * without a source counts as a change of another app.
 */
export const OWN_WRITES_KEPT_MS = 15 * 60 * 1000;

export type OwnWrites = ReturnType<typeof createOwnWrites>;

interface Dependencies {
  pool: Pool;
  appId: number;
  clock: Clock;
  logger: Logger;
}

/**
 * Recognizes changes that this app itself made at HubSpot: by the source in the event (`INTEGRATION` and the app's id)
 * or, when HubSpot does not send it, by a ledger of the recent writes of all processes (same record, property, value and
 * about the same time).
 */
export function createOwnWrites({ pool, appId, clock, logger }: Dependencies) {
  return {
    /**
     * Wraps `send` for a portal: stores the changes of each request before it is sent or, when only the answer contains
     * the record ids, before the answer is returned. One statement for each request or batch.
     */
    through(portalId: number, send: Send): Send {
      return async (request) => {
        const changes = changesOf(request);
        if (!changes) return send(request);
        const undo = await store(portalId, changes.known);
        const answer = await send(request).catch(async (error) => {
          if (error instanceof HubSpotError && error.answered && !error.transient) await undo();
          throw error;
        });
        if (changes.fromAnswer) await store(portalId, changes.fromAnswer(answer));
        return answer;
      };
    },

    /** Those of the events that this app caused. One statement at most. */
    async among(db: Db, events: readonly WebhookEvent[]): Promise<ReadonlySet<WebhookEvent>> {
      const own = new Set(events.filter((event) => saysOwn(event, appId)));
      const since = clock.now() - OWN_WRITES_KEPT_MS;
      const unclear = events.flatMap((event) => {
        const change = saysOwn(event, appId) === undefined && changeOf(event);
        if (!change || !event.occurredAt || event.occurredAt < since) return [];
        return [{ event, ...markOf(event.portalId, change), occurredAt: event.occurredAt }];
      });
      const found = await ownWritesStore.found(db, unclear);
      unclear.forEach(({ event }, index) => {
        if (found.has(index)) own.add(event);
      });
      return own;
    },
  };

  /** Errors are only logged: they must not fail the write. @returns a function that deletes the changes again. */
  async function store(portalId: number, changes: readonly RecordChange[]): Promise<() => Promise<void>> {
    if (changes.length === 0) return async () => {};
    const marks = changes.map((change) => markOf(portalId, change));
    const byHandler = currentCause().eventId !== undefined;
    const failed = (err: unknown) => {
      logger.warn(
        { portalId, err },
        'own writes could not be stored; their events may be handled as changes of others',
      );
      return undefined;
    };
    const at = await ownWritesStore.add(pool, marks, byHandler).catch(failed);
    return async () => {
      if (at !== undefined) await ownWritesStore.remove(pool, marks, at).catch(failed);
    };
  }
}

const APP_ID = /^(?:appId:)?(\d+)$/;
/** Sources that may or may not be an app, as far as HubSpot's documentation says. */
const UNCLEAR = ['API', 'CRM', 'INTEGRATION'];

/** Whether the event says that this app made the change; undefined when it does not say who did. */
export function saysOwn({ changeSource, sourceId }: WebhookEvent, appId: number): boolean | undefined {
  if (changeSource && !UNCLEAR.includes(changeSource)) return false;
  const [, app] = APP_ID.exec(textOf(sourceId ?? '')) ?? [];
  if (app !== undefined) return Number(app) === appId;
  // Another source is a user id, such as `userId:123`.
  return sourceId && changeSource !== 'INTEGRATION' ? false : undefined;
}

/** The change that an event reports, in the form of `changesOf`; undefined when this app has no request for it. */
function changeOf(event: WebhookEvent): RecordChange | undefined {
  const { objectId, propertyName, fromObjectId, toObjectId } = event;
  const [, kind] = event.subscriptionType.split('.');
  const id = [objectId, event.primaryObjectId, fromObjectId].find(isId);
  if (id === undefined) return undefined;
  switch (kind) {
    case 'propertyChange':
      return propertyChange(String(id), textOf(propertyName ?? ''), event.propertyValue);
    case 'associationChange':
      if (!isId(fromObjectId) || !isId(toObjectId)) return undefined;
      return associationChange(String(fromObjectId), String(toObjectId), event.associationRemoved === true);
    case 'creation':
    case 'deletion':
    case 'merge':
    case 'privacyDeletion':
      return { objectId: String(id), change: [kind] };
    default:
      return undefined;
  }
}
