import { AppError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import { webhookDeliveriesStore } from '../deliveries-store.ts';
import { wakeSplitter } from './lanes.ts';

/** Deliveries that may wait for their commit in this process. Past it HubSpot is asked to come again. */
const MOST_WAITING = 2_000;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
const MOST_PER_COMMIT = 256;
const ASK_EVERY_MS = 50;
const SLOW_MS = 1_500;
const FAILURE_COUNTS_MS = 15_000;

export type WebhookReceiver = ReturnType<typeof createWebhookReceiver>;

/** Stores verified deliveries, many to a commit. */
export function createWebhookReceiver({ pool, logger }: { pool: Pool; logger: Logger }) {
  let waiting = 0;
  let waitingBytes = 0;
  let askTimer: NodeJS.Timeout | undefined;
  /** When the last commit failed, unless one succeeded since. */
  let failedAt: number | undefined;
  let begunAt: number | undefined;
  const commits = createGroupCommit<Buffer>(async (bodies) => {
    begunAt = performance.now();
    try {
      await webhookDeliveriesStore.add(pool, bodies);
      failedAt = undefined;
    } catch (error) {
      failedAt = performance.now();
      throw error;
    } finally {
      begunAt = undefined;
    }
    // One job stands for all that is stored, so asking once in a while is enough. The row is what keeps a delivery:
    // should this process die before it asks, the job `wake-webhooks` finds it within a minute.
    askTimer ??= setTimeout(() => askForSplitting().catch(report), ASK_EVERY_MS);
  }, MOST_PER_COMMIT);

  return {
    /**
     * Resolves when the delivery is committed and so outlives the process.
     * @throws {AppError} 503, when it is not stored; HubSpot sends it again.
     */
    async receive(body: Buffer): Promise<void> {
      if (waiting >= MOST_WAITING || waitingBytes + body.length > MOST_WAITING_BYTES) throw busy();
      waiting += 1;
      waitingBytes += body.length;
      try {
        await commits.add(body);
      } catch (error) {
        throw busy(error);
      } finally {
        waiting -= 1;
        waitingBytes -= body.length;
      }
    },

    /** What keeps deliveries from being stored at the moment, for whoever sends requests to this process. */
    problem(): string | undefined {
      const now = performance.now();
      if (begunAt !== undefined && now - begunAt > SLOW_MS) return 'the last deliveries are not stored yet';
      // Forgotten after a while: whoever sends none to a process that is not ready would never see it recover.
      if (failedAt !== undefined && now - failedAt < FAILURE_COUNTS_MS)
        return 'the last deliveries could not be stored';
      return undefined;
    },

    /** Asks for what is stored to be split, should that still be due. */
    async close(): Promise<void> {
      if (askTimer) await askForSplitting().catch(report);
    },
  };

  async function askForSplitting() {
    clearTimeout(askTimer);
    askTimer = undefined;
    await wakeSplitter(pool);
  }

  function report(err: Error) {
    logger.warn({ err }, 'stored deliveries wait for their splitting; they will be found within a minute');
  }
}

const busy = (cause?: unknown) =>
  new AppError(503, 'busy', 'This delivery was not stored. Send it again.', { cause, retryAfter: 2 });
