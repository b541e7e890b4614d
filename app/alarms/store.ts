import type { Db } from '../db/pool.ts';

export interface Alarm {
  readonly name: string;
  readonly message: string;
  readonly since: Date;
  readonly lastSeen: Date;
  readonly occurrences: number;
}

const COLUMNS = 'name, message, raised_at as since, last_seen_at as "lastSeen", occurrences';

/**
 * Table `alarms`: problems that an operator must know about and that no other table shows. Every process raises and
 * clears them, and `/readyz` of the web process lists them.
 */
export const alarmsStore = {
  async raise(db: Db, name: string, message: string): Promise<void> {
    await db.query(
      `insert into alarms (name, message) values ($1, $2)
         on conflict (name) do update set message = excluded.message, last_seen_at = now(),
           occurrences = alarms.occurrences + 1`,
      [name, message],
    );
  },

  async clear(db: Db, name: string): Promise<void> {
    await db.query('delete from alarms where name = $1', [name]);
  },

  /** Clears alarms whose name starts with `prefix` and that were last raised before `before`. */
  async clearUnseenSince(db: Db, prefix: string, before: Date): Promise<void> {
    await db.query('delete from alarms where starts_with(name, $1) and last_seen_at < $2', [prefix, before]);
  },

  async find(db: Db, name: string): Promise<Alarm | undefined> {
    const { rows } = await db.query<Alarm>(`select ${COLUMNS} from alarms where name = $1`, [name]);
    return rows[0];
  },

  /** Oldest first. The name of an alarm about one portal ends with `:` and the portal id. */
  async ofPortal(db: Db, portalId: number): Promise<Alarm[]> {
    const { rows } = await db.query<Alarm>(
      `select ${COLUMNS} from alarms where right(name, length($1)) = $1 order by raised_at`,
      [`:${portalId}`],
    );
    return rows;
  },

  /** Oldest first. */
  async list(db: Db, limit = 50): Promise<Alarm[]> {
    const { rows } = await db.query<Alarm>(`select ${COLUMNS} from alarms order by raised_at limit $1`, [
      limit,
    ]);
    return rows;
  },
};
