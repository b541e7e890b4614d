import type { Context } from '../../../app/context.ts';
import { startJobRunner } from '../../../app/tasks.ts';
import { defineHandler, type WebhookContext } from '../../../app/webhooks/handler.ts';
import { laneOf } from '../../../app/webhooks/pipeline/lanes.ts';
import { THEN, type WebhookWorld } from '../../helpers/webhook-world.ts';

export const onChange = (
  handle: (event: { objectId: number; occurredAt: number }, context: WebhookContext) => Promise<void>,
) =>
  defineHandler({
    name: 'ordered',
    on: 'contact.propertyChange',
    when: { properties: ['phone'] },
    handle: ({ objectId, occurredAt = 0 }, context) =>
      handle({ objectId: Number(objectId), occurredAt: occurredAt - THEN }, context),
  });

/** Blocks a handler until the test opens it. */
export function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

export const split = (world: WebhookWorld) => world.ctx.services.webhooks.split(() => false);

export async function withWorkers(contexts: readonly Context[], work: () => Promise<unknown>): Promise<void> {
  const runners = await Promise.all(contexts.map(startJobRunner));
  try {
    await work();
  } finally {
    await Promise.all(runners.map((runner) => runner.stop()));
  }
}

/** Locks the deliveries, so that they cannot be split. @returns a function that unlocks them. */
export async function holdDeliveries({ ctx }: WebhookWorld): Promise<() => Promise<void>> {
  const tx = await ctx.pool.connect();
  await tx.query('begin');
  await tx.query('select from webhook_deliveries for update');
  return async () => {
    await tx.query('rollback');
    tx.release();
  };
}

export async function laneIsRunning({ query }: WebhookWorld, lane: number): Promise<boolean> {
  const rows = await query(
    'select from graphile_worker.jobs where queue_name = $1 and locked_at is not null',
    [`webhook-lane:${lane}`],
  );
  return rows.length > 0;
}

export async function splitterIsQueued({ query }: WebhookWorld): Promise<boolean> {
  const rows = await query(
    `select from graphile_worker.jobs where task_identifier = 'split-webhook-deliveries'`,
  );
  return rows.length > 0;
}

export const laneOfContact = (objectId: number) => laneOf(`62515:contact:${objectId}`);

/** The lane of a contact, and another contact of that lane. */
export function neighbourOf(objectId: number): [number, number] {
  const lane = laneOfContact(objectId);
  for (let other = objectId + 1; ; other += 1) if (laneOfContact(other) === lane) return [lane, other];
}

export function contactsOfOneLane(count: number): number[] {
  const contacts: number[] = [];
  for (let id = 1; contacts.length < count; id += 1) if (laneOfContact(id) === 0) contacts.push(id);
  return contacts;
}

export const scattered = (index: number, size = 601) => (index * 7_919) % size;

export function inParts<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}
