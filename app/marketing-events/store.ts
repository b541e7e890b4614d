import type { Db } from '../db/pool.ts';

/** An event as HubSpot reads it from the event details URL. @see platform: marketing events, event details URL */
export interface MarketingEventDetails {
  readonly eventName: string;
  readonly eventOrganizer: string;
  readonly eventType?: string | undefined;
  readonly startDateTime?: string | undefined;
  readonly endDateTime?: string | undefined;
  readonly eventDescription?: string | undefined;
  readonly eventUrl?: string | undefined;
  readonly eventCancelled: boolean;
  readonly customProperties?: readonly { readonly name: string; readonly value: string }[] | undefined;
}

/** Table `marketing_events`: the vendor's events, which HubSpot reads from the event details URL. */
export const marketingEventsStore = {
  async find(
    db: Db,
    externalAccountId: string,
    externalEventId: string,
  ): Promise<MarketingEventDetails | undefined> {
    const { rows } = await db.query<{ details: MarketingEventDetails }>(
      'select details from marketing_events where external_account_id = $1 and external_event_id = $2',
      [externalAccountId, externalEventId],
    );
    return rows[0]?.details;
  },

  /** @returns true when the event is new. */
  async put(
    db: Db,
    externalAccountId: string,
    externalEventId: string,
    details: MarketingEventDetails,
  ): Promise<boolean> {
    const { rows } = await db.query(
      `insert into marketing_events (external_account_id, external_event_id, details) values ($1, $2, $3)
       on conflict (external_account_id, external_event_id)
       do update set details = excluded.details, updated_at = now()
       returning xmax = 0 as created`,
      [externalAccountId, externalEventId, details],
    );
    return rows[0].created;
  },

  /** @returns false when there is no such event. */
  async remove(db: Db, externalAccountId: string, externalEventId: string): Promise<boolean> {
    const { rowCount } = await db.query(
      'delete from marketing_events where external_account_id = $1 and external_event_id = $2',
      [externalAccountId, externalEventId],
    );
    return rowCount === 1;
  },
};
