import type { Db } from '../db/pool.ts';

/** Table `schedule_slots`: the latest slot of each schedule that any process has enqueued. */
export const scheduleSlotsStore = {
  /**
   * Uses the database's clock: a slot more than two minutes ahead of it comes from a process with a fast clock and is
   * stored as now, so that it does not block the slots of other processes.
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
