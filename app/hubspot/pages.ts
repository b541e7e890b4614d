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

/**
 * The results of all pages, each read when it is needed.
 * @throws {HubSpotError} naming call and cursor when HubSpot names a page as the next that it has named before.
 */
export async function* readPages<T>(
  send: Send,
  request: HubSpotRequest,
  page: z.ZodType<Page<T>>,
): AsyncGenerator<T, void> {
  const advance = createAdvance(request);
  for (let after: string | undefined, calls = 0; ; calls += 1) {
    const query = { ...request.query, after };
    const answer = await send({ ...request, query, patient: calls >= PROMPT_CALLS });
    const { results, paging } = readAnswer(page, answer, request);
    after = advance(paging?.next?.after);
    yield* results;
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
