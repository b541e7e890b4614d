import { z } from 'zod';
import { notFound } from '../base/errors.ts';
import type { Pool } from '../db/pool.ts';
import { marketingEventsStore } from './store.ts';

const instant = z.iso.datetime({ offset: true });

/** A value of HubSpot's, with whatever else HubSpot's PropertyValue has. */
const customProperty = z.looseObject({ name: z.string().min(1), value: z.string() });

/** What HubSpot wants to know of an event. @see platform: marketing events, event details URL */
export const marketingEventDetails = z
  .strictObject({
    eventName: z.string().min(1),
    eventOrganizer: z.string().min(1),
    eventType: z.string().optional(),
    startDateTime: instant.optional(),
    endDateTime: instant.optional(),
    eventDescription: z.string().optional(),
    eventUrl: z.url().optional(),
    eventCancelled: z.boolean().default(false),
    customProperties: z.array(customProperty).optional(),
  })
  .refine(endsAfterItStarts, { path: ['endDateTime'], error: 'must not be before startDateTime' });

export type MarketingEventDetails = z.output<typeof marketingEventDetails>;

export type MarketingEventService = ReturnType<typeof createMarketingEventService>;

export function createMarketingEventService({ pool }: { pool: Pool }) {
  return {
    /** @throws {AppError} not_found. */
    async find(externalAccountId: string, externalEventId: string): Promise<MarketingEventDetails> {
      const details = await marketingEventsStore.find(pool, externalAccountId, externalEventId);
      if (!details) throw unknownEvent();
      return details;
    },

    put: (externalAccountId: string, externalEventId: string, details: MarketingEventDetails) =>
      marketingEventsStore.put(pool, externalAccountId, externalEventId, details),

    /** @throws {AppError} not_found. */
    async remove(externalAccountId: string, externalEventId: string): Promise<void> {
      if (!(await marketingEventsStore.remove(pool, externalAccountId, externalEventId)))
        throw unknownEvent();
    },
  };
}

const unknownEvent = () => notFound('There is no such marketing event for this account.');

function endsAfterItStarts({ startDateTime, endDateTime }: { startDateTime?: string; endDateTime?: string }) {
  if (startDateTime === undefined || endDateTime === undefined) return true;
  return Date.parse(endDateTime) >= Date.parse(startDateTime);
}
