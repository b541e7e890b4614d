import { webhookCommands } from '../../app/cli/webhooks.ts';
import { defineHandler } from '../../app/webhooks/handler.ts';
import { hubspotCommand, hubspotJson } from '../cli/hubspot-command.ts';
import { runInProcess } from '../cli/in-process.ts';
import { anEvent, startWebhookWorld } from '../helpers/webhook-world.ts';

export type LedgerWorld = Awaited<ReturnType<typeof startLedgerWorld>>;

/** A world with a handler that the test can break, and the commands of `webhooks`. */
export async function startLedgerWorld() {
  /** The calls of the handler, in order. */
  const handled: { object: number; value: string; attempt: number }[] = [];
  /** Objects whose events fail. */
  const broken = new Set<number>();
  const handler = defineHandler({
    name: 'remembers',
    on: 'contact.propertyChange',
    when: { properties: ['phone', 'email'] },
    async handle({ objectId, propertyValue }, { attempt }) {
      // Retries are due only when a test asks for them.
      if (broken.has(Number(objectId)))
        throw Object.assign(new Error(`the shop does not answer for ${objectId}`), { retryAfter: 3600 });
      handled.push({ object: Number(objectId), value: String(propertyValue), attempt });
    },
  });
  const world = await startWebhookWorld([handler]);
  const json = (...args: string[]) => hubspotJson(world.settings, 'webhooks', ...args);
  const record = (objectId: number) => ['--record', `contact:${objectId}`];

  return {
    ...world,
    handled,
    broken,
    json,
    /** The options that choose a contact. */
    record,
    webhooks: (...args: string[]) => hubspotCommand(world.settings, 'webhooks', ...args),
    /** The same in this process, which is faster. */
    here: (...args: string[]) => runInProcess(world.ctx, [webhookCommands], 'webhooks', ...args),

    /** Delivers events of a contact that become dead letters. */
    async bury(objectId: number, values: readonly string[], fields: Record<string, unknown> = {}) {
      broken.add(objectId);
      await world.deliver(values.map((propertyValue) => anEvent({ objectId, propertyValue, ...fields })));
      await world.settled();
      for (let left = values.length; left > 0; ) {
        await world.query(`update webhook_events set attempts = 9 where record like '%:' || $1`, [objectId]);
        await world.retryNow();
        left = (await json('list', ...record(objectId), '--state', 'waiting,retrying')).length;
      }
      broken.delete(objectId);
      handled.length = 0;
    },
  };
}
