import type { z } from 'zod';
import { readAnswer } from './answer.ts';
import { HubSpotError } from './errors.ts';
import type { HubSpotRequest, Send } from './http.ts';

/**
 * How many calls of one operation have interactive priority. Later ones are background calls: the rate limit allows
 * about a hundred calls in ten seconds, which is the deadline of an interactive call.
 */
export const PROMPT_CALLS = 10;

interface Page<T> {
  readonly results: readonly T[];
  readonly paging?: { readonly next?: { readonly after: string } | undefined } | undefined;
}

/** Sends with background priority after the first calls. */
export const patientAfter = (calls: number, send: Send): Send =>
  calls < PROMPT_CALLS ? send : (request) => send({ ...request, patient: true });

/**
 * The results of all pages. A page is fetched when its first result is needed.
 * @param finish completes the results of a page with additional reads.
 * @throws {HubSpotError} when HubSpot returns a cursor a second time.
 */
export async function* readPages<T>(
  send: Send,
  request: HubSpotRequest,
  page: z.ZodType<Page<T>>,
  finish: (results: readonly T[], send: Send) => Promise<readonly T[]> = async (results) => results,
): AsyncGenerator<T, void> {
  const advance = createAdvance(request);
  for (let after: string | undefined, calls = 0; ; calls += 1) {
    const query = { ...request.query, after };
    const sending = patientAfter(calls, send);
    // Batches contain first pages only.
    const together = after === undefined ? request.together : undefined;
    const { results, paging } = readAnswer(page, await sending({ ...request, query, together }), request);
    after = advance(paging?.next?.after);
    yield* await finish(results, sending);
    if (after === undefined) return;
  }
}

/** Accepts each cursor once. */
export function createAdvance(request: HubSpotRequest) {
  const seen = new Set<string>();
  return (after: string | undefined): string | undefined => {
    if (after === undefined) return undefined;
    if (seen.has(after)) {
      throw new HubSpotError({
        ...request,
        problem: `an answer that leads back to a page before: after=${after}`,
      });
    }
    seen.add(after);
    return after;
  };
}
