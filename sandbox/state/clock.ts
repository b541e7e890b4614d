export interface SandboxClock {
  /** Sandbox time in epoch milliseconds: the wall clock plus what was added by `advance`. */
  now(): number;
  /** Advances the clock and notifies those who wait for it. */
  advance(seconds: number): void;
  onAdvance(listener: () => void): void;
  reset(): void;
}

/**
 * The clock for the expiry of codes and tokens and for webhook retries.
 * Records and signatures carry wall-clock time: the app checks them against its own clock,
 * which cannot be moved.
 */
export function createClock(): SandboxClock {
  let offsetMs = 0;
  const listeners: Array<() => void> = [];

  return {
    now: () => Date.now() + offsetMs,
    advance(seconds) {
      offsetMs += seconds * 1000;
      for (const listener of listeners) listener();
    },
    onAdvance(listener) {
      listeners.push(listener);
    },
    reset() {
      offsetMs = 0;
    },
  };
}
