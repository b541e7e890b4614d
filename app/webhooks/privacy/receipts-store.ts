import type { Db } from '../../db/pool.ts';

export interface PrivacyReceipt {
  readonly id: number;
  readonly portalId: number;
  /** `portal:type:object` */
  readonly record: string;
  readonly erasedAt: Date;
  /** Rows by table. */
  readonly erased: Record<string, number>;
}

/** Advisory lock: exclusive for erasures, shared for transactions that store payloads. */
const ERASURE = 48_190;

/** Table `privacy_receipts`. */
export const privacyReceiptsStore = {
  /** Until `tx` ends, no other transaction stores a payload. */
  async beginErasure(tx: Db): Promise<void> {
    await tx.query('select pg_advisory_xact_lock($1)', [ERASURE]);
    // The lock blocks the splitting of all webhooks: failing and retrying is better than waiting for a row.
    await tx.query(`set local lock_timeout = '1s'`);
  },

  /** Until `tx` ends, no erasure begins. */
  async blockErasures(tx: Db): Promise<void> {
    await tx.query('select pg_advisory_xact_lock_shared($1)', [ERASURE]);
  },

  /** @param eventId the privacy deletion, which has a receipt for each erased record. */
  async add(
    tx: Db,
    eventId: string,
    portalId: number,
    record: string,
    erased: Record<string, number>,
  ): Promise<void> {
    await tx.query(
      // Not now(): the transaction may have waited long for handlers.
      `insert into privacy_receipts (event_id, portal_id, record, erased, erased_at)
       values ($1, $2, $3, $4, clock_timestamp())`,
      [eventId, portalId, record, erased],
    );
  },

  /** Whether this privacy deletion was carried out. */
  async hasFor(tx: Db, eventId: string): Promise<boolean> {
    const { rows } = await tx.query(
      'select exists (select from privacy_receipts where event_id = $1) as has',
      [eventId],
    );
    return rows[0].has;
  },

  async hasSince(db: Db, portalId: number, since: Date): Promise<boolean> {
    const { rows } = await db.query(
      'select exists (select from privacy_receipts where portal_id = $1 and erased_at > $2) as has',
      [portalId, since],
    );
    return rows[0].has;
  },

  async hasAny(tx: Db): Promise<boolean> {
    const { rows } = await tx.query('select exists (select from privacy_receipts) as any');
    return rows[0].any;
  },

  /** When each of these records was last erased. */
  async erasedAt(tx: Db, records: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await tx.query<{ record: string; at: Date }>(
      'select record, max(erased_at) as at from privacy_receipts where record = any($1) group by record',
      [records],
    );
    return new Map(rows.map(({ record, at }) => [record, at.getTime()]));
  },

  /** Which of these bodies contain the portal id and the object id of an erased contact. */
  async mentionedIn(tx: Db, bodies: readonly Buffer[]): Promise<boolean[]> {
    const { rows } = await tx.query<{ mentioned: boolean }>(
      `select exists (select from privacy_receipts
           where position(convert_to(portal_id::text, 'UTF8') in body) > 0
             and position(convert_to(substring(record from '^[^:]*:[^:]*:(.*)$'), 'UTF8') in body) > 0) as mentioned
         from unnest($1::bytea[]) with ordinality as kept (body, place) order by place`,
      [bodies],
    );
    return rows.map(({ mentioned }) => mentioned);
  },

  /** Newest first. */
  async list(db: Db, portalId: number | undefined, limit: number): Promise<PrivacyReceipt[]> {
    const { rows } = await db.query<PrivacyReceipt>(
      `select id, portal_id as "portalId", record, erased_at as "erasedAt", erased from privacy_receipts
       where $1::bigint is null or portal_id = $1 order by id desc limit $2`,
      [portalId ?? null, limit],
    );
    return rows;
  },
};
