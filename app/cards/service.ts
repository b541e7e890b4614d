import type { Clock } from '../base/clock.ts';
import { notFound } from '../base/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { InstallService } from '../installs/index.ts';
import type {
  Card,
  CardActionAnswer,
  CardActionRequest,
  CardAnswer,
  CardContext,
  CardRequest,
} from './card.ts';
import { sealTicket, TICKET_LIFETIME_MS } from './page-ticket.ts';

export type CardService = ReturnType<typeof createCardService>;

interface Dependencies {
  cards: readonly Card[];
  hubspotFor: HubSpotFor;
  installs: Pick<InstallService, 'status'>;
  serverUrl: string;
  sessionSecret: string;
  clock: Clock;
}

/** HubSpot gives a card up after five seconds; one is for the way and for what the card itself does. */
const CALLS_MS = 4_000;

export function createCardService({
  cards,
  hubspotFor,
  installs,
  serverUrl,
  sessionSecret,
  clock,
}: Dependencies) {
  return {
    /**
     * A card's data. Without a name, the first card of the registry answers.
     * @throws {AppError} not_found for a name that no card has, or a type of record that it is not for.
     */
    async render(name: string | undefined, request: CardRequest): Promise<CardAnswer> {
      const card = find(name, request);
      const context: CardContext = {
        ...portalOf(request),
        pageUrl: () => {
          const { portalId, objectType, objectId } = request;
          const expiresAt = clock.now() + TICKET_LIFETIME_MS;
          const ticket = sealTicket({ portalId, objectType, objectId, expiresAt }, sessionSecret);
          return `${serverUrl}/hubid/${portalId}/page?ticket=${ticket}`;
        },
        actionUrl: (action) => `${serverUrl}/crm-extension/${card.name}/actions/${action}`,
      };
      return answerOf(`card ${card.name}`, () => card.render(request, context));
    },

    /**
     * Does what a button of a card is for.
     * @throws {AppError} not_found for an unknown card or action, or a type of record that the card is not for.
     */
    async act(name: string, action: string, request: CardActionRequest): Promise<CardActionAnswer> {
      const { actions = {} } = find(name, request);
      const handler = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (!handler) throw notFound(`The card "${name}" has no action "${action}".`);
      return answerOf(`action ${action} of the card ${name}`, () => handler(request, portalOf(request)));
    },
  };

  function portalOf({ portalId }: CardRequest) {
    return {
      hubspot: hubspotFor(portalId, 'interactive', CALLS_MS),
      install: () => installs.status(portalId),
    };
  }

  function find(name: string | undefined, { objectType }: CardRequest): Card {
    const card = name === undefined ? cards[0] : cards.find((one) => one.name === name);
    if (!card) throw notFound(`This app has no card "${name ?? ''}".`);
    if (!card.objectTypes.some((type) => type.toUpperCase() === objectType)) {
      throw notFound(
        `The card "${card.name}" is not for ${objectType} records, only for ${card.objectTypes.join(', ')}.`,
      );
    }
    return card;
  }
}

/** Never throws a word or undefined: Express takes some words for its own, and undefined for no error. */
async function answerOf<Answer extends object>(what: string, run: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined;
  try {
    answer = await run();
  } catch (error) {
    throw typeof error === 'object' && error
      ? error
      : new Error(`The ${what} threw what is not an Error: ${error}`);
  }
  if (typeof answer !== 'object' || answer === null) throw new Error(`The ${what} returned no answer.`);
  return answer;
}
