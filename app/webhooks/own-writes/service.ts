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
 * Deliveries come within seconds. What HubSpot repeats later without saying who made it counts as another's: a busy
 * portal takes a thousand rows a second.
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
 * Tells changes that this app made at HubSpot from those of others. HubSpot says who made a change (`INTEGRATION` and
 * the app's id); where it does not, a ledger of what all processes wrote lately does: same record, property and value,
 * at about the time.
 */
export function createOwnWrites({ pool, appId, clock, logger }: Dependencies) {
  return {
    /**
     * Sends a portal's requests, each noted in the ledger before it is sent, or, where only the answer names the
     * records, before that is handed on: one statement for a request, a batch included.
     */
    through(portalId: number, send: Send): Send {
      return async (request) => {
        const changes = changesOf(request);
        if (!changes) return send(request);
        const takeBack = await note(portalId, changes.known);
        const answer = await send(request).catch(async (error) => {
          if (error instanceof HubSpotError && error.answered && !error.transient) await takeBack();
          throw error;
        });
        if (changes.toldBy) await note(portalId, changes.toldBy(answer));
        return answer;
      };
    },

    /** Those of the events that this app caused by writing. One statement at most. */
    async among(db: Db, events: readonly WebhookEvent[]): Promise<ReadonlySet<WebhookEvent>> {
      const own = new Set(events.filter((event) => saysOwn(event, appId)));
      const since = clock.now() - OWN_WRITES_KEPT_MS;
      const untold = events.flatMap((event) => {
        const change = saysOwn(event, appId) === undefined && changeOf(event);
        if (!change || !event.occurredAt || event.occurredAt < since) return [];
        return [{ event, ...markOf(event.portalId, change), occurredAt: event.occurredAt }];
      });
      const found = await ownWritesStore.found(db, untold);
      untold.forEach(({ event }, index) => {
        if (found.has(index)) own.add(event);
      });
      return own;
    },
  };

  /** A write is worth more than its note. @returns what takes the note back, as HubSpot refused the write. */
  async function note(portalId: number, changes: readonly RecordChange[]): Promise<() => Promise<void>> {
    if (changes.length === 0) return async () => {};
    const marks = changes.map((change) => markOf(portalId, change));
    const byHandler = currentCause().eventId !== undefined;
    const failed = (err: unknown) => {
      logger.warn({ portalId, err }, 'what this app wrote at HubSpot could not be noted');
      return undefined;
    };
    const at = await ownWritesStore.add(pool, marks, byHandler).catch(failed);
    return async () => {
      if (at !== undefined) await ownWritesStore.remove(pool, marks, at).catch(failed);
    };
  }
}

const APP_ID = /^(?:appId:)?(\d+)$/;
/** Sources of which HubSpot's documents do not say whether an app is behind them. */
const UNCLEAR = ['API', 'CRM', 'INTEGRATION'];

/** Whether HubSpot says that this app made the change; undefined when it says nothing of the kind. */
export function saysOwn({ changeSource, sourceId }: WebhookEvent, appId: number): boolean | undefined {
  if (changeSource && !UNCLEAR.includes(changeSource)) return false;
  const [, app] = APP_ID.exec(textOf(sourceId ?? '')) ?? [];
  if (app !== undefined) return Number(app) === appId;
  // A user's id, such as `userId:123`.
  return sourceId && changeSource !== 'INTEGRATION' ? false : undefined;
}

/** The change that an event reports, as a request says it; undefined where this app has no request for it. */
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
