import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { CardAnswer, CardRequest } from './card.ts';

const MOST_BYTES = 32 * 1024 * 1024;
const KEPT_MS = 60 * 60 * 1000;

/** An answer, and how to make its page's URL anew: the ticket in it expires. */
export interface Rendered {
  readonly answer: CardAnswer;
  readonly pageUrl: string | undefined;
}

interface Kept {
  readonly readAt: number;
  /** The answer as JSON. */
  readonly json: string;
  readonly pageUrl: string | undefined;
}

interface Dependencies {
  /** Whether a webhook event of the record has arrived since then. */
  changedSince: (request: CardRequest, since: Date) => Promise<boolean>;
  /** A new URL of the card's page for the record. */
  pageUrl: (card: string, request: CardRequest) => string;
  clock: Clock;
  logger: Logger;
}

/**
 * Renders of one card and record that run at the same time share one. While HubSpot is unavailable, or the portal's
 * limits are used up, the card shows its last answer with the time at which it was read. Answers are kept in this
 * process for an hour, and dropped by an action or a webhook event of the record.
 */
export function createLastAnswers({ changedSince, pageUrl, clock, logger }: Dependencies) {
  const running = new Map<string, Promise<CardAnswer>>();
  const kept = new LRUCache<string, Kept>({
    maxSize: MOST_BYTES,
    sizeCalculation: ({ json }) => json.length * 2 + 500,
    ttl: KEPT_MS,
    ttlResolution: 0,
    perf: clock,
  });

  return {
    render(card: string, request: CardRequest, render: () => Promise<Rendered>): Promise<CardAnswer> {
      const key = keyOf(card, request);
      const shared = running.get(key);
      if (shared) return shared;
      const mine: Promise<CardAnswer> = run(card, request, render, () => running.get(key) === mine).finally(
        () => {
          if (running.get(key) === mine) running.delete(key);
        },
      );
      running.set(key, mine);
      return mine;
    },

    /** An action may have changed the record: answers from before it are not shown any more. */
    drop(cards: readonly string[], request: CardRequest): void {
      for (const card of cards) {
        kept.delete(keyOf(card, request));
        running.delete(keyOf(card, request));
      }
    },
  };

  async function run(
    card: string,
    request: CardRequest,
    render: () => Promise<Rendered>,
    isCurrent: () => boolean,
  ): Promise<CardAnswer> {
    const key = keyOf(card, request);
    const readAt = clock.now();
    try {
      const rendered = await render();
      if (isCurrent()) {
        kept.set(key, { readAt, json: JSON.stringify(rendered.answer), pageUrl: rendered.pageUrl });
      }
      return rendered.answer;
    } catch (error) {
      const last = isUnavailable(error) ? await lastOf(card, request) : undefined;
      if (!last) throw error;
      logger.warn({ card, portalId: request.portalId, err: error }, 'a card shows its last answer');
      return last;
    }
  }

  async function lastOf(card: string, request: CardRequest): Promise<CardAnswer | undefined> {
    const key = keyOf(card, request);
    const found = kept.get(key);
    if (!found) return undefined;
    const { readAt, json, pageUrl: oldUrl } = found;
    // When the database cannot tell, the answer may be outdated.
    if (await changedSince(request, new Date(readAt)).catch(() => true)) {
      kept.delete(key);
      return undefined;
    }
    const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
    const fresh = oldUrl ? json.replaceAll(inJson(oldUrl), () => inJson(pageUrl(card, request))) : json;
    return withTime(JSON.parse(fresh) as CardAnswer, readAt);
  }
}

const keyOf = (card: string, { portalId, objectType, objectId }: CardRequest) =>
  `${portalId} ${card} ${objectType} ${objectId}`;

const isUnavailable = (error: unknown) =>
  (error instanceof HubSpotError && error.transient) ||
  (error instanceof AppError && error.code === 'hubspot_unavailable');

/** HubSpot shows the time in the first record of the card. */
function withTime(answer: CardAnswer, readAt: number): CardAnswer {
  const [first, ...others] = answer.results;
  if (!first) return answer;
  const asOf = { label: 'Data as of', dataType: 'DATETIME', value: readAt } as const;
  return { ...answer, results: [{ ...first, properties: [asOf, ...(first.properties ?? [])] }, ...others] };
}
