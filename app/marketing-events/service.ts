import { notFound } from '../base/errors.ts';
import type { Pool } from '../db/pool.ts';
import { type MarketingEventDetails, marketingEventsStore } from './store.ts';

export type MarketingEventService = ReturnType<typeof createMarketingEvents>;

export function createMarketingEvents({ pool }: { pool: Pool }) {
  return {
    /** @throws {AppError} not_found. */
    async find(externalAccountId: string, externalEventId: string): Promise<MarketingEventDetails> {
      const details = await marketingEventsStore.find(pool, externalAccountId, externalEventId);
      if (!details) throw unknownEvent();
      return details;
    },

    /** @returns true when the event is new. */
    put: (
      externalAccountId: string,
      externalEventId: string,
      details: MarketingEventDetails,
    ): Promise<boolean> => marketingEventsStore.put(pool, externalAccountId, externalEventId, details),

    /** @throws {AppError} not_found. */
    async remove(externalAccountId: string, externalEventId: string): Promise<void> {
      if (!(await marketingEventsStore.remove(pool, externalAccountId, externalEventId)))
        throw unknownEvent();
    },
  };
}

const unknownEvent = () => notFound('There is no such marketing event for this account.');
