import type { Db } from '../db/pool.ts';

export interface Alarm {
  readonly name: string;
  readonly message: string;
  readonly since: Date;
  readonly lastSeen: Date;
  readonly occurrences: number;
}

/** Table `alarms`: trouble that only an operator can mend. */
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

  /** Clears it when some install's token was refreshed after it was last seen. */
  async clearIfRefreshedSince(db: Db, name: string): Promise<void> {
    await db.query(
      `delete from alarms where name = $1
         and exists (select from install_history where at > alarms.last_seen_at and reason = 'refreshed')`,
      [name],
    );
  },

  /** Clears those named `prefix` and a portal id whose install is not waiting for another try. */
  async clearUnlessBackingOff(db: Db, prefix: string): Promise<void> {
    await db.query(
      `delete from alarms where starts_with(name, $1) and not exists (
         select from installs where state = 'backing_off' and portal_id = substr(name, length($1) + 1)::bigint)`,
      [prefix],
    );
  },

  /** Clears those named `prefix` and anything that were last seen before `before`. */
  async clearUnseenSince(db: Db, prefix: string, before: Date): Promise<void> {
    await db.query('delete from alarms where starts_with(name, $1) and last_seen_at < $2', [prefix, before]);
  },

  async isRaised(db: Db, name: string): Promise<boolean> {
    const { rowCount } = await db.query('select from alarms where name = $1', [name]);
    return rowCount === 1;
  },

  /** Oldest first: those of one portal end with its number. */
  async endingWith(db: Db, suffix: string): Promise<Alarm[]> {
    const { rows } = await db.query<Alarm>(
      `select name, message, raised_at as since, last_seen_at as "lastSeen", occurrences
       from alarms where right(name, length($1)) = $1 order by raised_at`,
      [suffix],
    );
    return rows;
  },

  /** Oldest first. One for each of many portals would help nobody: the first fifty. */
  async list(db: Db): Promise<Alarm[]> {
    const { rows } = await db.query<Alarm>(
      `select name, message, raised_at as since, last_seen_at as "lastSeen", occurrences
       from alarms order by raised_at limit 50`,
    );
    return rows;
  },
};
