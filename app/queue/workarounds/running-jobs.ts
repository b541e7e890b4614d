import { setTimeout as pause } from 'node:timers/promises';
import type { Job, Task, TaskList, WorkerEvents } from 'graphile-worker';

const CHECK_EVERY_MS = 50;

/**
 * Knows which jobs are running, so that a worker can stop in time. graphile-worker 0.18 waits for tasks that ignore the
 * abort signal, and for its own fetch of the next job, however long the database does not answer. What it could not
 * store is run again by another worker, so only the running jobs are worth waiting for.
 */
export function trackRunningJobs(events: WorkerEvents) {
  const running = new Set<Job['id']>();
  let aborted = 0;
  events.on('job:start', ({ job }) => running.add(job.id));
  events.on('job:complete', ({ job }) => running.delete(job.id));

  return {
    /** Tasks that fail when they are aborted, so that their jobs go back to the queue. */
    abortable: (tasks: TaskList): TaskList =>
      Object.fromEntries(
        Object.entries(tasks).map(([name, task]) => [
          name,
          (payload, helpers) => untilAborted(helpers.abortSignal, () => task?.(payload as never, helpers)),
        ]),
      ),

    /** How many tasks were aborted. */
    aborted: () => aborted,

    /**
     * Resolves when no job has been running for `ms`, in which the results of the last ones can be stored.
     * @param signal ends the wait: a job whose result was lost with its connection counts as running for ever.
     */
    async idleFor(ms: number, signal: AbortSignal): Promise<void> {
      let idleSince = performance.now();
      while (!signal.aborted && performance.now() - idleSince < ms) {
        if (running.size > 0) idleSince = performance.now();
        await pause(CHECK_EVERY_MS);
      }
    },
  };

  /** Not with `helpers.abortPromise`: it lives as long as the worker and would keep something of every job in memory. */
  async function untilAborted(signal: AbortSignal, task: () => ReturnType<Task>): Promise<void> {
    const abortion = Promise.withResolvers<never>();
    const abort = () => {
      aborted += 1;
      abortion.reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([task(), abortion.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
