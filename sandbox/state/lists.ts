import { type ObjectType, objectTypeNamed } from './object-types.ts';
import type { CrmRecord } from './record.ts';
import type { Records } from './records.ts';

export type ProcessingType = 'MANUAL' | 'SNAPSHOT' | 'DYNAMIC';

/** When a record was added to a list; wall-clock epoch ms. */
export interface Membership {
  firstAdded: number;
  lastAdded: number;
}

export interface RecordList {
  id: string;
  portalId: number;
  type: ObjectType;
  name: string;
  processingType: ProcessingType;
  /** The property and value that the members of a DYNAMIC list have. */
  filter?: { property: string; value: string };
  createdAt: number;
  updatedAt: number;
}

export interface Member {
  record: CrmRecord;
  membership: Membership;
}

interface Seed extends Pick<RecordList, 'id' | 'portalId' | 'name' | 'processingType' | 'filter'> {
  type: string;
  members?: readonly string[];
}

const seeds: readonly Seed[] = [
  {
    portalId: 62515,
    id: '11',
    type: 'contact',
    name: 'Newsletter',
    processingType: 'MANUAL',
    members: ['101', '102'],
  },
  {
    portalId: 62515,
    id: '12',
    type: 'contact',
    name: 'Trade fair 2026',
    processingType: 'SNAPSHOT',
    members: ['103'],
  },
  {
    portalId: 62515,
    id: '13',
    type: 'contact',
    name: 'Customers',
    processingType: 'DYNAMIC',
    filter: { property: 'lifecyclestage', value: 'customer' },
  },
  {
    portalId: 62515,
    id: '14',
    type: 'company',
    name: 'Target accounts',
    processingType: 'MANUAL',
    members: ['301'],
  },
  {
    portalId: 62516,
    id: '21',
    type: 'contact',
    name: 'Newsletter',
    processingType: 'MANUAL',
    members: ['201'],
  },
];

export type Lists = ReturnType<typeof createLists>;

/** The lists of the seed data and their members. No lists are added. */
export function createLists(records: Pick<Records, 'find' | 'list'>) {
  const lists: RecordList[] = [];
  /** By list id, then by record id. */
  const members = new Map<string, Map<string, Membership>>();

  function seed() {
    const now = Date.now();
    for (const { type, members: ids = [], ...list } of seeds) {
      lists.push({ ...list, type: objectTypeNamed(type), createdAt: now, updatedAt: now });
      members.set(list.id, new Map(ids.map((id) => [id, { firstAdded: now, lastAdded: now }])));
    }
  }

  seed();

  function isLiving(record: CrmRecord | undefined): record is CrmRecord {
    return record !== undefined && record.archivedAt === undefined;
  }

  return {
    all: (portalId: number): RecordList[] => lists.filter((list) => list.portalId === portalId),

    find: (portalId: number, id: string): RecordList | undefined =>
      lists.find((list) => list.portalId === portalId && list.id === id),

    /** The active members, ordered by id; a merged record counts as the one it was merged into. */
    membersOf({ id, portalId, type, filter }: RecordList): Member[] {
      if (filter) {
        return records
          .list(portalId, type)
          .filter(({ properties }) => properties[filter.property] === filter.value)
          .map((record) => {
            return { record, membership: { firstAdded: record.createdAt, lastAdded: record.updatedAt } };
          });
      }
      const found = new Map<string, Member>();
      for (const [recordId, membership] of members.get(id) ?? []) {
        const record = records.find(portalId, type, recordId);
        if (isLiving(record) && !found.has(record.id)) found.set(record.id, { record, membership });
      }
      return [...found.values()].sort((a, b) => Number(a.record.id) - Number(b.record.id));
    },

    /** Whether it was not a member before. */
    add(list: RecordList, recordId: string): boolean {
      const held = members.get(list.id);
      if (!held || held.has(recordId)) return false;
      const now = Date.now();
      held.set(recordId, { firstAdded: now, lastAdded: now });
      list.updatedAt = now;
      return true;
    },

    /** Whether it was a member before. */
    remove(list: RecordList, recordId: string): boolean {
      const was = members.get(list.id)?.delete(recordId) ?? false;
      if (was) list.updatedAt = Date.now();
      return was;
    },

    reset() {
      lists.length = 0;
      members.clear();
      seed();
    },
  };
}
