import { z } from 'zod';
import type { Batch } from '../client/batch.ts';
import { together } from '../client/coalesce.ts';
import { HubSpotError } from '../client/errors.ts';
import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';

/** One app event on a record's timeline. Immutable once HubSpot has it; `id` is unique per event type. */
export interface AppEventOccurrence {
  readonly eventTypeName: string;
  readonly id: string;
  /** The record it belongs to; see {@link TimelineTarget}. */
  readonly email?: string | undefined;
  readonly objectId?: string | undefined;
  /** Tracking cookie of a visitor; only together with `email`. */
  readonly utk?: string | undefined;
  readonly domain?: string | undefined;
  /** ISO 8601. */
  readonly timestamp?: string | undefined;
  readonly properties: Record<string, string | number>;
  readonly extraData?: Record<string, unknown> | undefined;
}

/** Documented maximum of inputs per request. */
const MAX_BATCH = 500;

/** Stores all or none of the events: for one that HubSpot rejects or already has, it rejects the whole request. */
const occurrenceBatch = (path: string): Batch<AppEventOccurrence, { id: string; eventTypeName: string }> => ({
  limit: MAX_BATCH,
  request: (inputs) => ({ method: 'POST', path: `${path}/batch`, json: { inputs } }),
  result: z.object({ id: z.string(), eventTypeName: z.string() }),
  isResultOf: (stored, { id, eventTypeName }) => stored.id === id && stored.eventTypeName === eventTypeName,
  isErrorOf: () => false,
});

type Target<Given extends string, Optional extends string = never> = { readonly [Name in Given]: string } & {
  readonly [Name in Optional]?: string | undefined;
} & { readonly [Name in Exclude<'objectId' | 'email' | 'utk' | 'domain', Given | Optional>]?: never };

/** How an app event identifies its record. */
export type TimelineTarget =
  /** A record's id, of the event type's object type. */
  | Target<'objectId'>
  /** A contact's address; HubSpot creates a contact that does not exist. With `utk`, the visitor's tracking cookie. */
  | Target<'email', 'utk'>
  /** A company's domain. */
  | Target<'domain'>;

/** @see https://developers.hubspot.com/docs/apps/developer-platform/add-features/app-events/overview */
export function createTimelineApi(send: Send, paths = apiPaths) {
  return {
    /** Sends an event. One that HubSpot already has (409, the first one wins) counts as sent. */
    async sendEvent(occurrence: AppEventOccurrence): Promise<void> {
      try {
        const path = `${paths.appEvents.path}/events`;
        await send({
          method: 'POST',
          path,
          json: occurrence,
          once: true,
          together: together({
            kind: path,
            subject: `${occurrence.eventTypeName} ${occurrence.id}`,
            isWrite: false,
            batch: occurrenceBatch(path),
            input: occurrence,
            responseOf: (stored) => stored,
          }),
        });
      } catch (error) {
        if (error instanceof HubSpotError && error.status === 409) return;
        throw error;
      }
    },
  };
}
