import type { Db } from '../../db/pool.ts';
import type { Mark } from './written-values.ts';

/** Tolerance between the time of a write and the time in HubSpot's event: calls take time, and clocks differ. */
const BEFORE = '30 seconds';
const AFTER = '60 seconds';

/** Table `own_writes`: the recent writes of this app at HubSpot. */
export const ownWritesStore = {
  /** @returns the stored time. */
  async add(db: Db, marks: readonly Mark[], byHandler: boolean): Promise<string | undefined> {
    const { rows } = await db.query<{ at: string }>({
      name: 'add-own-writes',
      text: `insert into own_writes (record, marks, by_handler)
        select record, array_agg(mark), $3 from unnest($1::bigint[], $2::bigint[]) as w (record, mark) group by record
        returning written_at::text as at`,
      values: [marks.map(({ record }) => record), marks.map(({ mark }) => mark), byHandler],
    });
    return rows[0]?.at;
  },

  /** Deletes the marks that one `add` stored. */
  async remove(db: Db, marks: readonly Mark[], at: string): Promise<void> {
    await db.query(
      `delete from own_writes where record = any($1::bigint[]) and written_at = $2::text::timestamptz`,
      [marks.map(({ record }) => record), at],
    );
  },

  /** The indexes of those changes that are stored with about the same time. */
  async found(
    db: Db,
    changes: readonly (Mark & { readonly occurredAt: number })[],
  ): Promise<ReadonlySet<number>> {
    if (changes.length === 0) return new Set();
    const { rows } = await db.query<{ index: number }>({
      name: 'find-own-writes',
      text: `select (c.index - 1)::int as index
        from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality as c (record, mark, occurred_at, index)
        where exists (select from own_writes w where w.record = c.record and c.mark = any(w.marks)
          and to_timestamp(c.occurred_at / 1000.0)
            between w.written_at - interval '${BEFORE}' and w.written_at + interval '${AFTER}')`,
      values: [
        changes.map(({ record }) => record),
        changes.map(({ mark }) => mark),
        changes.map(({ occurredAt }) => occurredAt),
      ],
    });
    return new Set(rows.map(({ index }) => index));
  },

  /** How often webhook handlers have written to a record in the last two minutes. */
  async byHandlers(db: Db, record: number): Promise<number> {
    const { rows } = await db.query<{ writes: number }>({
      name: 'count-own-writes',
      text: `select count(*)::int as writes from own_writes
        where record = $1 and by_handler and written_at > now() - interval '2 minutes'`,
      values: [record],
    });
    return rows[0]?.writes ?? 0;
  },

  /** Deletes a page of writes from before `before`. @returns how many. */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      'delete from own_writes where ctid = any(array(select ctid from own_writes where written_at < $1 limit $2))',
      [before, limit],
    );
    return rowCount ?? 0;
  },
};
