import type { Db } from './pool.ts';

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

  async list(db: Db): Promise<Alarm[]> {
    const { rows } = await db.query<Alarm>(
      `select name, message, raised_at as since, last_seen_at as "lastSeen", occurrences
       from alarms order by raised_at`,
    );
    return rows;
  },
};
