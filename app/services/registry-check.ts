import type { Card } from '../cards/card.ts';
import type { AnyWebhookHandler } from '../webhooks/handler.ts';
import { subscriptionProblem } from './wanted-subscriptions.ts';

/** Handlers or cards that this server cannot work with; the message names every problem. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
}

/** @throws {RegistryError} naming each handler and card that is wrong, and why. */
export function checkRegistries(handlers: readonly AnyWebhookHandler[], cards: readonly Card[]): void {
  const problems = [
    ...handlers.flatMap((handler) => {
      const problem = subscriptionProblem(handler);
      return problem ? `handler ${handler.name}: ${problem}` : [];
    }),
    ...repeated('handlers', handlers),
    ...repeated('cards', cards),
  ];
  if (problems.length === 0) return;
  const list = problems.map((problem) => `  - ${problem}`).join('\n');
  throw new RegistryError(`Not every webhook handler and card can be used:\n${list}`);
}

/** Names stand in addresses, logs and dead letters: each may be given once. */
function repeated(what: string, named: readonly { readonly name: string }[]): string[] {
  return [...Map.groupBy(named, ({ name }) => name)]
    .filter(([, sharing]) => sharing.length > 1)
    .map(
      ([name, { length }]) => `${what}: ${length} of them are called ${name}; each needs a name of its own.`,
    );
}
