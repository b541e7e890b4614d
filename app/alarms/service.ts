import type { Pool } from '../db/pool.ts';
import { type Alarm, alarmsStore } from './store.ts';

/** Alarms that follow from a feature's own tables: those of one portal when it is given, otherwise the oldest. */
export type AlarmSource = (portalId?: number) => Promise<Alarm[]>;

export type Alarms = ReturnType<typeof createAlarms>;

/** Readers do not need an alarm for each of a thousand portals. */
const MOST_LISTED = 50;

/** Every alarm: the stored ones, and those that features derive from their own state. */
export function createAlarms({ pool, sources }: { pool: Pool; sources: readonly AlarmSource[] }) {
  return {
    /** The oldest alarms first. */
    async list(): Promise<Alarm[]> {
      const alarms = await Promise.all([
        alarmsStore.list(pool, MOST_LISTED),
        ...sources.map((source) => source()),
      ]);
      return oldestFirst(alarms.flat()).slice(0, MOST_LISTED);
    },

    of: async (portalId: number): Promise<Alarm[]> => {
      const alarms = await Promise.all([
        alarmsStore.ofPortal(pool, portalId),
        ...sources.map((source) => source(portalId)),
      ]);
      return oldestFirst(alarms.flat());
    },
  };
}

const oldestFirst = (alarms: Alarm[]) => alarms.sort((a, b) => a.since.getTime() - b.since.getTime());
