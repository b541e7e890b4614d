import { createLogger } from '../../../app/base/logger.ts';
import { loadConfig } from '../../../app/config.ts';
import { createContext } from '../../../app/context.ts';
import { runUntilSignal } from '../../../app/run-until-signal.ts';
import { startSchedule } from '../../../app/schedule.ts';
import { surviveStrayErrors } from '../../../app/stray-errors.ts';
import { startJobRunner } from '../../../app/tasks.ts';
import { recordOf, type WebhookEvent } from '../../../app/webhooks/event/event.ts';
import type { HandlerEvent } from '../../../app/webhooks/event/handler-event.ts';
import { defineHandler, type WebhookContext } from '../../../app/webhooks/handler.ts';

/** What the handlers of this program leave behind; the test makes the table. */
export const EFFECTS_TABLE = `create table effects (
  event_id uuid not null,
  record text not null,
  occurred_at bigint not null,
  -- When the transaction began and when the row was written.
  began_at timestamptz not null default now(),
  written_at timestamptz not null default clock_timestamp()
)`;

/** Events of these types have an effect; those of company.creation are handled without a trace. */
const TYPES = [
  'contact.propertyChange',
  'deal.propertyChange',
  'object.propertyChange',
  'contact.privacyDeletion',
] as const;

/** Told to stall, the worker says so after its first write and never ends that handler. */
const stall = process.argv.includes('--stall');
/** Told to stray, its handlers leave behind a promise that is rejected and a callback that throws. */
const stray = process.argv.includes('--stray');

async function write(event: HandlerEvent, { db, eventId }: WebhookContext) {
  await db.query('insert into effects (event_id, record, occurred_at) values ($1, $2, $3)', [
    eventId,
    recordOf(event.raw as unknown as WebhookEvent, eventId),
    event.occurredAt,
  ]);
  if (stray) {
    Promise.reject(new Error('nobody awaits this'));
    setImmediate(() => {
      throw new Error('nobody catches this');
    });
  }
  if (!stall) return;
  process.send?.({ wrote: eventId });
  await new Promise(() => {});
}

if (import.meta.main) {
  await runUntilSignal('worker', async () => {
    const config = loadConfig(process.env);
    const logger = createLogger(config.logLevel, 'worker');
    surviveStrayErrors(logger);
    const ctx = createContext(config, logger, {
      webhookHandlers: [
        ...TYPES.map((on) => ({ name: `effect of ${on}`, on, handle: write })),
        defineHandler({ name: 'nothing', on: 'company.creation', handle: async () => {} }),
      ],
    });
    const runner = await startJobRunner(ctx);
    const schedule = startSchedule(ctx);
    // Of no handler.
    process.once('SIGUSR2', () => Promise.reject(new Error('of the worker itself')));
    process.once('SIGHUP', () => {
      throw new Error('thrown by the worker itself');
    });
    return {
      ended: runner.ended,
      async stop() {
        schedule.stop();
        const aborted = await runner.stop();
        await ctx.close();
        return aborted;
      },
    };
  });
}
