import { AppError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import { webhookDeliveriesStore } from '../deliveries-store.ts';
import { wakeSplitter } from './lanes.ts';

/** Limits of the deliveries that wait for their commit in this process. Beyond them, HubSpot has to retry. */
const MOST_WAITING = 2_000;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
const MOST_PER_COMMIT = 256;
const WAKE_EVERY_MS = 50;
const SLOW_MS = 1_500;
const FAILURE_COUNTS_MS = 15_000;

export type WebhookReceiver = ReturnType<typeof createWebhookReceiver>;

/** Stores verified deliveries, many to a commit. */
export function createWebhookReceiver({ pool, logger }: { pool: Pool; logger: Logger }) {
  let waiting = 0;
  let waitingBytes = 0;
  let wakeTimer: NodeJS.Timeout | undefined;
  /** When the last commit failed; undefined when it succeeded. */
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
    // One job splits everything that is stored, so a timer is enough. When this process dies before the timer fires,
    // the job `wake-webhooks` finds the deliveries within a minute.
    wakeTimer ??= setTimeout(() => wake().catch(report), WAKE_EVERY_MS);
  }, MOST_PER_COMMIT);

  return {
    /**
     * Resolves when the delivery is committed.
     * @throws {AppError} 503, when it is not stored; HubSpot retries.
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

    /** Why deliveries cannot be stored at the moment, for the load balancer in front of this process. */
    problem(): string | undefined {
      const now = performance.now();
      if (begunAt !== undefined && now - begunAt > SLOW_MS) return 'the last deliveries are not stored yet';
      // Expires: a process that is not ready gets no deliveries, so none could prove that it has recovered.
      if (failedAt !== undefined && now - failedAt < FAILURE_COUNTS_MS)
        return 'the last deliveries could not be stored';
      return undefined;
    },

    /** Wakes the splitter, if the timer has not yet. */
    async close(): Promise<void> {
      if (wakeTimer) await wake().catch(report);
    },
  };

  async function wake() {
    clearTimeout(wakeTimer);
    wakeTimer = undefined;
    await wakeSplitter(pool);
  }

  function report(err: Error) {
    logger.warn({ err }, 'the splitter could not be woken; a scheduled job wakes it within a minute');
  }
}

const busy = (cause?: unknown) =>
  new AppError(503, 'busy', 'This delivery was not stored. Send it again.', { cause, retryAfter: 2 });
