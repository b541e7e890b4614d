import { type Command, InvalidArgumentError } from 'commander';
import type { DeliveryFilter, EventFilter } from '../webhooks/index.ts';
import { ProblemError, portalArgument } from './command.ts';
import { collecting } from './repeated-options.ts';
import { timeArgument } from './time.ts';

export const EVENT_STATES = ['waiting', 'retrying', 'done', 'ignored', 'unknown', 'dead', 'erased'] as const;
const DELIVERY_STATES = ['waiting', 'done', 'rejected'] as const;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

type EventState = (typeof EVENT_STATES)[number];

/** The options that select events. */
export interface Chosen {
  id?: string;
  portal?: number;
  record?: string;
  type?: string[];
  state?: string[];
  since?: Date;
  until?: Date;
}

/** Adds the options to a command. */
export const choosing = (command: Command) =>
  choosingOfState(command).option(
    '--state <states>',
    `only in these states: ${EVENT_STATES.join(',')}`,
    listArgument,
  );

/** The same without `--state`, for a command about one state. */
export const choosingOfState = (command: Command) =>
  command
    .option(
      '--id <id>',
      'only the event with this id, or the events of the delivery with this number',
      idArgument,
    )
    .option('--portal <portal>', 'only of this HubSpot account', portalArgument)
    .option('--record <record>', 'only of this record: contact:101 or 62515:contact:101', recordArgument)
    .option('--type <types>', 'only of these types: contact.creation,contact.deletion', listArgument)
    .option('--since <time>', 'only received since 2026-11-21T09:30:00Z, or since 2h or 3d ago', timeArgument)
    .option('--until <time>', 'only received before this time', timeArgument);

/** @param states the default states. */
export function eventFilter(chosen: Chosen, states?: readonly EventState[]): EventFilter {
  const { id, portal, record, type, state, since, until } = chosen;
  const ofPortal = record && /^\d+:[^:]+:/.test(record);
  return {
    ...(id && (isEventId(id) ? { eventId: id } : { deliveryId: Number(id) })),
    portalId: portal,
    ...(record && (ofPortal ? { record } : portal ? { record: `${portal}:${record}` } : { object: record })),
    types: type,
    states: state ? statesOf(state, EVENT_STATES) : states,
    since,
    until,
  };
}

export function deliveryFilter({ id, portal, record, type, state, since, until }: Chosen): DeliveryFilter {
  if (portal || record || type || (id && isEventId(id))) {
    throw new ProblemError('A delivery contains events of many records: select by number, state and time.');
  }
  return { id: id ? Number(id) : undefined, states: state && statesOf(state, DELIVERY_STATES), since, until };
}

export const isEventId = (id: string) => UUID.test(id);

export function idArgument(text: string): string {
  const id = text.toLowerCase();
  if (!isEventId(id) && !/^[1-9]\d{0,14}$/.test(id))
    throw new InvalidArgumentError('It must be the id of an event (a uuid) or the number of a delivery.');
  return id;
}

function recordArgument(text: string): string {
  if (!/^([1-9]\d{0,14}:)?[\w-]+:[\w-]+$/.test(text))
    throw new InvalidArgumentError('It must be type:id or portal:type:id, such as contact:101.');
  return text;
}

const listArgument = collecting((text: string, before: readonly string[] = []): string[] => [
  ...before,
  ...text.split(',').map((part) => part.trim()),
]);

function statesOf<State extends string>(given: readonly string[], known: readonly State[]): State[] {
  return given.map((text) => {
    const state = known.find((name) => name === text);
    if (!state) throw new ProblemError(`Unknown state "${text}"; the states are ${known.join(', ')}.`);
    return state;
  });
}
