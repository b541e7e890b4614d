import type { Clock } from '../base/clock.ts';
import { notFound } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { InstallService } from '../installs/index.ts';
import type { JobService } from '../jobs/index.ts';
import { cardAnswerProblem } from './answer-check.ts';
import type {
  AnyCard,
  CardActionAnswer,
  CardActionRequest,
  CardAnswer,
  CardContext,
  CardPage,
  CardRequest,
} from './card.ts';
import { createLastAnswers, type Rendered } from './last-answers.ts';
import { type PageTicket, sealTicket, TICKET_LIFETIME_MS } from './page-ticket.ts';

export type CardService = ReturnType<typeof createCardService>;

interface Dependencies {
  cards: readonly AnyCard[];
  hubspotFor: HubSpotFor;
  installs: Pick<InstallService, 'status'>;
  jobs: Pick<JobService, 'enqueue'>;
  serverUrl: string;
  sessionSecret: string;
  /** Whether a webhook event of the record has arrived since then. */
  changedSince: (request: CardRequest, since: Date) => Promise<boolean>;
  clock: Clock;
  logger: Logger;
}

/** HubSpot times out after five seconds; one is for the network and for the card's own work. */
const CALLS_MS = 4_000;

export function createCardService({
  cards,
  hubspotFor,
  installs,
  jobs,
  serverUrl,
  sessionSecret,
  changedSince,
  clock,
  logger,
}: Dependencies) {
  const lastAnswers = createLastAnswers({ changedSince, pageUrl, clock, logger });

  return {
    /**
     * A card's data. Without a name, the first card of the registry answers.
     * @throws {AppError} not_found for a name that no card has, or a type of record that it is not for.
     */
    async render(name: string | undefined, request: CardRequest): Promise<CardAnswer> {
      const card = find(name, request);
      return lastAnswers.render(card.name, request, () => rendered(card, request));
    },

    /**
     * Does what a button of a card is for.
     * @throws {AppError} not_found for an unknown card or action, or a type of record that the card is not for.
     */
    async act(name: string, action: string, request: CardActionRequest): Promise<CardActionAnswer> {
      const { actions = {} } = find(name, request);
      const handler = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (!handler) throw notFound(`The card "${name}" has no action "${action}".`);
      const context = { ...portalOf(request), enqueue: jobs.enqueue };
      try {
        return await answerOf(`action ${action} of the card ${name}`, () => handler(request, context));
      } finally {
        const names = cards.map((card) => card.name);
        lastAnswers.drop(names, request);
      }
    },

    /**
     * What the page of the ticket's card shows.
     * @returns undefined for a card that is gone, has no page, or is not for this type of record.
     */
    async page({
      card: name,
      portalId,
      objectType,
      objectId,
    }: PageTicket): Promise<Required<CardPage> | undefined> {
      const card = cards.find((one) => one.name === name);
      const record: CardRequest = { portalId, objectType, objectId };
      if (!card?.page || !isFor(card, record)) return undefined;
      const {
        view,
        title = card.title,
        data = {},
      } = await answerOf(`page of the card ${name}`, async () => card.page?.(record, portalOf(record)));
      return { view, title, data };
    },
  };

  async function rendered(card: AnyCard, request: CardRequest): Promise<Rendered> {
    let url: string | undefined;
    const context: CardContext = {
      ...portalOf(request),
      pageUrl: () => {
        if (!card.page) throw new Error(`The card ${card.name} has no page: declare one in \`page\`.`);
        url ??= pageUrl(card.name, request);
        return url;
      },
      actionUrl: (action) => `${serverUrl}/crm-extension/${card.name}/actions/${action}`,
    };
    const answer = await answerOf(`card ${card.name}`, () => card.render(request, context));
    const problem = cardAnswerProblem(answer);
    if (problem) throw new Error(`The card ${card.name} answered with what HubSpot cannot show: ${problem}`);
    return { answer, pageUrl: url };
  }

  function pageUrl(card: string, { portalId, objectType, objectId }: CardRequest): string {
    const expiresAt = clock.now() + TICKET_LIFETIME_MS;
    const ticket = { card, portalId, objectType, objectId, expiresAt };
    return `${serverUrl}/hubid/${portalId}/page?ticket=${sealTicket(ticket, sessionSecret)}`;
  }

  function portalOf({ portalId }: CardRequest) {
    return {
      hubspot: hubspotFor(portalId, 'interactive', CALLS_MS),
      install: () => installs.status(portalId),
    };
  }

  function find(name: string | undefined, request: CardRequest): AnyCard {
    const card = name === undefined ? cards[0] : cards.find((one) => one.name === name);
    if (!card) throw notFound(`This app has no card "${name ?? ''}".`);
    if (!isFor(card, request)) {
      throw notFound(
        `The card "${card.name}" is not for ${request.objectType} records, only for ${card.objectTypes.join(', ')}.`,
      );
    }
    return card;
  }
}

const isFor = ({ objectTypes }: AnyCard, { objectType }: Pick<CardRequest, 'objectType'>) =>
  objectTypes.some((type) => type.toUpperCase() === objectType);

/** Throws objects only: Express takes some words for its own, and undefined for no error. */
async function answerOf<Answer extends object>(
  what: string,
  run: () => Promise<Answer | undefined>,
): Promise<Answer> {
  let answer: Answer | undefined;
  try {
    answer = await run();
  } catch (error) {
    throw typeof error === 'object' && error
      ? error
      : new Error(`The ${what} threw a value that is not an Error: ${error}`);
  }
  if (typeof answer !== 'object' || answer === null) throw new Error(`The ${what} returned no answer.`);
  return answer;
}
