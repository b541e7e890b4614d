import type { Db } from './pool.ts';

/** Table `schedule_slots`: which moment of each schedule has been enqueued already, by any process. */
export const scheduleSlotsStore = {
  /** @returns true for the one caller that may enqueue this slot. */
  async claim(tx: Db, name: string, slot: Date): Promise<boolean> {
    const { rowCount } = await tx.query(
      `insert into schedule_slots (name, last_slot) values ($1, $2)
       on conflict (name) do update set last_slot = excluded.last_slot
       where schedule_slots.last_slot < excluded.last_slot`,
      [name, slot],
    );
    return rowCount === 1;
  },
};
