import type { z } from 'zod';
import { readAnswer } from './answer.ts';
import { HubSpotError } from './errors.ts';
import type { HubSpotRequest, Send } from './http.ts';

/**
 * Calls of one piece of work that somebody waits for. Those after them are patient: an account's limit lets through
 * some hundred in ten seconds, which is as long as one that somebody waits for may take.
 */
export const PROMPT_CALLS = 10;

interface Page<T> {
  readonly results: readonly T[];
  readonly paging?: { readonly next?: { readonly after: string } | undefined } | undefined;
}

/** Sends with the patience of background calls once so many calls were made. */
export const patientAfter = (calls: number, send: Send): Send =>
  calls < PROMPT_CALLS ? send : (request) => send({ ...request, patient: true });

/**
 * The results of all pages, each read when it is needed.
 * @param finish what else is to be read of a page's results.
 * @throws {HubSpotError} naming call and cursor when HubSpot names a page as the next that it has named before.
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
    const { results, paging } = readAnswer(page, await sending({ ...request, query }), request);
    after = advance(paging?.next?.after);
    yield* await finish(results, sending);
    if (after === undefined) return;
  }
}

/** Lets each cursor pass once. */
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
