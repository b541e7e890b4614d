import { notePlace } from '../base/definition-place.ts';

/** A property of an app event, as the HubSpot project declares it. */
export interface AppEventProperty {
  readonly label: string;
  readonly type: 'string' | 'number' | 'date' | 'datetime' | 'enumeration';
  /** What an event shows that does not set the property. */
  readonly default?: string | number;
}

type AppEventProperties = Readonly<Record<string, AppEventProperty>>;

/** An event type for HubSpot's timelines. */
export interface AppEvent<Properties extends AppEventProperties = AppEventProperties> {
  /** The `uid` of its file in `hubspot-project/src/app/app-events/`. */
  readonly name: string;
  readonly objectType: 'CONTACT' | 'COMPANY' | 'DEAL' | 'TICKET';
  readonly properties: Properties;
}

/** Values for an event's properties: all may be left out. */
export type ValuesOf<Event extends AppEvent> = {
  readonly [Name in keyof Event['properties']]?: Event['properties'][Name]['type'] extends 'number'
    ? number
    : string | number;
};

/** Types what `sendTimelineEvent` takes for the event's `type`. */
export function defineAppEvent<const Properties extends AppEventProperties>(
  event: AppEvent<Properties>,
): AppEvent<Properties> {
  return notePlace(event);
}

/** The names that HubSpot gives the app's event types. */
export interface AppEventNames {
  /** Of the type that is meant when an event names none; undefined when the app declares none. */
  readonly fallback: string | undefined;
  /** Of a type that is named as the integration declares it, or as HubSpot does. */
  fullName(name: string): string;
  /** The declared defaults of a type, by HubSpot's name. */
  defaultsOf(fullName: string): Record<string, string | number>;
}

/** @param firstName HubSpot's name of the first declared event type, where it is not `ae{appId}_{uid}`. */
export function createAppEventNames(
  events: readonly AppEvent[],
  appId: number,
  firstName: string | undefined,
): AppEventNames {
  const fullNames = new Map(
    events.map(({ name }, index) => [name, (index === 0 ? firstName : undefined) ?? `ae${appId}_${name}`]),
  );
  const byFullName = new Map(events.map((event) => [fullNames.get(event.name), event]));
  return {
    fallback: firstName ?? fullNames.values().next().value,
    fullName: (name) => fullNames.get(name) ?? name,
    defaultsOf(fullName) {
      const declared = Object.entries(byFullName.get(fullName)?.properties ?? {});
      return Object.fromEntries(
        declared.flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value]])),
      );
    },
  };
}
