import type { Db } from '../db/pool.ts';

/** Table `schedule_slots`: which moment of each schedule has been enqueued already, by any process. */
export const scheduleSlotsStore = {
  /**
   * The database's clock counts: a slot more than two minutes ahead of it, of a process whose own clock runs ahead, is
   * stored as now, and one that was stored so is over. The others' slots go on, and that process's too.
   * @returns true for the one caller that may enqueue this slot.
   */
  async claim(tx: Db, name: string, slot: Date): Promise<boolean> {
    const { rowCount } = await tx.query(
      `insert into schedule_slots (name, last_slot)
       values ($1, case when $2::timestamptz > now() + interval '2 minutes' then now() else $2 end)
       on conflict (name) do update set last_slot = excluded.last_slot
       where schedule_slots.last_slot < excluded.last_slot
         or schedule_slots.last_slot > now() + interval '2 minutes'`,
      [name, slot],
    );
    return rowCount === 1;
  },
};
