import { randomInt } from 'node:crypto';
import { type ObjectType, objectTypes } from './object-types.ts';

export interface PipelineStage {
  id: string;
  label: string;
  displayOrder: number;
  /** `probability` as a number's text for deals, `ticketState` for tickets. */
  metadata: Record<string, string>;
  createdAt: number;
  updatedAt: number;
}

/** Times are wall-clock epoch ms; 0 for default pipelines. */
export interface Pipeline {
  id: string;
  label: string;
  displayOrder: number;
  stages: PipelineStage[];
  createdAt: number;
  updatedAt: number;
}

export interface AuditEntry {
  action: 'CREATE' | 'UPDATE' | 'DELETE';
  /** The id of the pipeline or stage. */
  identifier: string;
  timestamp: number;
  rawObject: unknown;
}

export type Pipelines = ReturnType<typeof createPipelines>;

/** The pipelines of all portals, with the log of their changes. */
export function createPipelines() {
  const stores = new Map<string, { pipelines: Map<string, Pipeline>; audit: AuditEntry[] }>();

  function storeOf(portalId: number, type: ObjectType) {
    const key = `${portalId}/${type.id}`;
    const found = stores.get(key) ?? { pipelines: seeded(type), audit: [] };
    stores.set(key, found);
    return found;
  }

  function note(portalId: number, type: ObjectType, action: AuditEntry['action'], changed: { id: string }) {
    const rawObject = structuredClone(changed);
    storeOf(portalId, type).audit.unshift({
      action,
      identifier: changed.id,
      timestamp: Date.now(),
      rawObject,
    });
  }

  return {
    list: (portalId: number, type: ObjectType): Pipeline[] =>
      [...storeOf(portalId, type).pipelines.values()].sort(inOrder),

    find: (portalId: number, type: ObjectType, id: string): Pipeline | undefined =>
      storeOf(portalId, type).pipelines.get(id),

    /** The type that already has a pipeline with this id: ids are unique across deals and tickets. */
    holderOf: (portalId: number, id: string): ObjectType | undefined =>
      objectTypes.find((type) => type.pipelines && storeOf(portalId, type).pipelines.has(id)),

    save(portalId: number, type: ObjectType, pipeline: Pipeline, action: 'CREATE' | 'UPDATE') {
      pipeline.stages.sort(inOrder);
      storeOf(portalId, type).pipelines.set(pipeline.id, pipeline);
      note(portalId, type, action, pipeline);
    },

    remove(portalId: number, type: ObjectType, pipeline: Pipeline) {
      storeOf(portalId, type).pipelines.delete(pipeline.id);
      note(portalId, type, 'DELETE', pipeline);
    },

    note,

    /** Newest first. */
    audit: (portalId: number, type: ObjectType, identifier: string): AuditEntry[] =>
      storeOf(portalId, type).audit.filter((entry) => entry.identifier === identifier),

    newId: () => String(randomInt(100_000_000, 999_999_999)),

    reset() {
      stores.clear();
    },
  };
}

export function inOrder(
  a: { displayOrder: number; label: string },
  b: { displayOrder: number; label: string },
) {
  return a.displayOrder - b.displayOrder || a.label.localeCompare(b.label);
}

/** The default pipeline of types with pipelines. */
function seeded(type: ObjectType): Map<string, Pipeline> {
  const built = { deal: dealPipeline, ticket: ticketPipeline }[type.singular];
  return new Map(built ? [[built().id, built()]] : []);
}

const born = { createdAt: 0, updatedAt: 0 };

function dealPipeline(): Pipeline {
  const stages = [
    ['appointmentscheduled', 'Appointment Scheduled', '0.2'],
    ['qualifiedtobuy', 'Qualified To Buy', '0.4'],
    ['presentationscheduled', 'Presentation Scheduled', '0.6'],
    ['decisionmakerboughtin', 'Decision Maker Bought-In', '0.8'],
    ['contractsent', 'Contract Sent', '0.9'],
    ['closedwon', 'Closed Won', '1.0'],
    ['closedlost', 'Closed Lost', '0.0'],
  ] as const;
  return {
    id: 'default',
    label: 'Sales Pipeline',
    displayOrder: 0,
    stages: stages.map(([id, label, probability], displayOrder) => ({
      id,
      label,
      displayOrder,
      metadata: { probability },
      ...born,
    })),
    ...born,
  };
}

function ticketPipeline(): Pipeline {
  const stages = [
    ['1', 'New', 'OPEN'],
    ['2', 'Waiting on contact', 'OPEN'],
    ['3', 'Waiting on us', 'OPEN'],
    ['4', 'Closed', 'CLOSED'],
  ] as const;
  return {
    id: '0',
    label: 'Support Pipeline',
    displayOrder: 0,
    stages: stages.map(([id, label, ticketState], displayOrder) => ({
      id,
      label,
      displayOrder,
      metadata: { ticketState },
      ...born,
    })),
    ...born,
  };
}
