export type RollingLimit = ReturnType<typeof createRollingLimit>;

/** Counts per key over a rolling window of real time: a limit protects a service from real load. */
export function createRollingLimit(windowMs: number) {
  const taken = new Map<string, number[]>();

  return {
    windowMs,
    /** Takes one place. Returns how many remain, or -1 when none was left. */
    take(key: string, max: number): number {
      const since = performance.now() - windowMs;
      const recent = (taken.get(key) ?? []).filter((at) => at > since);
      if (recent.length < max) recent.push(performance.now());
      else {
        taken.set(key, recent);
        return -1;
      }
      taken.set(key, recent);
      return max - recent.length;
    },
    reset() {
      taken.clear();
    },
  };
}
