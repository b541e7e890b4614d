import { setTimeout as pause } from 'node:timers/promises';

/** Resolves with the work or after `ms`, whichever is first. */
export async function withinTime(work: Promise<unknown>, ms: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, pause(ms, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}
