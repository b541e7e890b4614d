import { z } from 'zod';
import { pathPattern } from './path-pattern.ts';

/** The body of `POST /_sandbox/failures`. */
export const failureSchema = z.strictObject({
  /** Default or `*`: any method. */
  method: z.string().default('*'),
  /** Exact, or with `*` for any text. */
  path: z.string().min(1),
  /** 0 closes the connection without a response. Default: the request is only delayed. */
  status: z.union([z.literal(0), z.number().int().min(200).max(599)]).optional(),
  headers: z.record(z.string(), z.string()).default({}),
  /** Strings are sent unchanged, other values as JSON. */
  body: z.unknown().optional(),
  delayMs: z.number().int().min(0).max(120_000).default(0),
  times: z.number().int().min(1).default(1),
  /** The request is processed, and only its response fails. */
  afterwards: z.boolean().default(false),
});

export type Failure = z.infer<typeof failureSchema>;
export type Failures = ReturnType<typeof createFailures>;

/** Failures waiting for a matching request, in order. */
export function createFailures() {
  let waiting: Array<Failure & { matches: (path: string) => boolean }> = [];

  return {
    add(failure: Failure) {
      waiting.push({ ...failure, matches: pathPattern(failure.path) });
    },
    /** The failure for this request, whose counter is decremented, or `undefined`. */
    take(method: string, path: string): Failure | undefined {
      const found = waiting.find((failure) => {
        const anyMethod = failure.method === '*' || failure.method.toUpperCase() === method;
        return anyMethod && failure.matches(path);
      });
      if (!found) return undefined;
      found.times -= 1;
      if (found.times === 0) waiting = waiting.filter((failure) => failure !== found);
      return found;
    },
    list: (): Failure[] => waiting.map(({ matches: _, ...failure }) => failure),
    reset() {
      waiting = [];
    },
  };
}
