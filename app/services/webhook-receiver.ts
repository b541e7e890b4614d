import { createGroupCommit } from '../db/group-commit.ts';
import type { Pool } from '../db/pool.ts';
import { webhookDeliveriesStore } from '../db/webhook-deliveries-store.ts';
import { AppError } from '../errors.ts';
import { enqueue } from '../jobs/enqueue.ts';
import type { Logger } from '../logger.ts';

/** Deliveries that may wait for their commit in this process. Past it HubSpot is asked to come again. */
const MOST_WAITING = 2_000;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
const MOST_PER_COMMIT = 256;

export type WebhookReceiver = ReturnType<typeof createWebhookReceiver>;

/** Stores verified deliveries, many to a commit. */
export function createWebhookReceiver({ pool, logger }: { pool: Pool; logger: Logger }) {
  let waiting = 0;
  let waitingBytes = 0;
  const commits = createGroupCommit<Buffer>(async (bodies) => {
    const jobAdded = await webhookDeliveriesStore.add(pool, bodies);
    if (!jobAdded)
      await enqueue(pool, 'split-webhook-deliveries', {}, { jobKey: 'split-webhook-deliveries' });
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
      } catch (err) {
        logger.error({ err }, 'a delivery could not be stored; HubSpot was asked to send it again');
        throw busy(err);
      } finally {
        waiting -= 1;
        waitingBytes -= body.length;
      }
    },
  };
}

const busy = (cause?: unknown) =>
  new AppError(503, 'busy', 'This delivery was not stored. Send it again.', { cause, retryAfter: 2 });
