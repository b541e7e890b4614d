import Handlebars from 'handlebars';
import type { AppEventType } from './project.ts';

export interface TimelineEvent {
  portalId: number;
  objectId: string;
  id: string;
  eventTypeName: string;
  properties: Record<string, string>;
  extraData?: Record<string, unknown>;
  timelineIFrame?: { linkLabel: string; headerLabel: string; url: string; width: number; height: number };
  /** ISO 8601 */
  timestamp: string;
}

/** `header` and `detail` are plain text, rendered from the type's templates. */
export type RenderedTimelineEvent = TimelineEvent & { header: string; detail: string };

export interface QualifiedEventType extends AppEventType {
  fullyQualifiedName: string;
}

export type Timeline = ReturnType<typeof createTimeline>;

/** App event types and their occurrences. An occurrence never changes; its id is unique per portal and type. */
export function createTimeline(appId: number, declared: readonly AppEventType[]) {
  const types = declared.map((type): QualifiedEventType => {
    return { ...type, fullyQualifiedName: `ae${appId}_${type.uid}` };
  });
  // Text, not HTML: the pages escape it, and tests compare it.
  const templates = new Map(
    types.map((type) => [
      type.fullyQualifiedName,
      {
        header: Handlebars.compile(type.headerTemplate, { noEscape: true }),
        detail: Handlebars.compile(type.detailTemplate, { noEscape: true }),
      },
    ]),
  );
  const events = new Map<string, TimelineEvent>();
  const keyOf = (portalId: number, type: string, id: string) => `${portalId}/${type}/${id}`;

  function render(event: TimelineEvent): RenderedTimelineEvent {
    const template = templates.get(event.eventTypeName);
    const values = { ...event.properties, extraData: event.extraData ?? {}, timestamp: event.timestamp };
    return {
      ...event,
      header: template?.header(values).trim() ?? '',
      detail: template?.detail(values).trim() ?? '',
    };
  }

  return {
    types,
    findType: (name: string) => types.find(({ fullyQualifiedName }) => fullyQualifiedName === name),
    has: (portalId: number, type: string, id: string) => events.has(keyOf(portalId, type, id)),
    add(event: TimelineEvent) {
      events.set(keyOf(event.portalId, event.eventTypeName, event.id), event);
    },
    /** Newest first by their own timestamp. */
    list: (portalId: number, objectIds: readonly string[]): RenderedTimelineEvent[] =>
      [...events.values()]
        .filter((event) => event.portalId === portalId && objectIds.includes(event.objectId))
        .reverse()
        .sort((a, b) => b.timestamp.localeCompare(a.timestamp))
        .map(render),
    forget(portalId: number, objectId: string) {
      for (const [key, event] of events) {
        if (event.portalId === portalId && event.objectId === objectId) events.delete(key);
      }
    },
    reset() {
      events.clear();
    },
  };
}
