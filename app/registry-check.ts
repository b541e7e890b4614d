import { types } from 'node:util';
import { z } from 'zod';
import type { Card } from './cards/card.ts';
import type { AnyWebhookHandler } from './webhooks/handler.ts';
import { subscriptionProblem } from './webhooks/subscriptions/wanted.ts';

/** Handlers or cards that this server cannot work with; the message names every problem. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
}

const aFunction = z.custom((value) => typeof value === 'function', 'is not a function');
const aList = z
  .array(z.string('is not a name').min(1, 'is an empty name'), 'is not a list of names')
  .min(1, 'is empty, so no event would match: name some, or leave it out');

const aType = z.string('is not a subscription type');

/** The compiler checks the same in TypeScript; this is for handlers that are written in JavaScript, or cast. */
const handlerShape = z.object({
  name: z.string('is not a text').min(1, 'is empty'),
  on: z.union(
    [aType, z.array(aType).nonempty('is an empty list: name at least one subscription type')],
    'is not a subscription type, nor a list of them',
  ),
  when: z
    .strictObject(
      {
        properties: aList.optional(),
        changeSources: aList.optional(),
        objectTypeIds: aList.optional(),
        ownWrites: z.literal(false, 'can only be false: leave it out to get own writes, too').optional(),
      },
      'holds a condition that there is none of: use properties, changeSources, objectTypeIds or ownWrites',
    )
    .optional(),
  handle: aFunction.refine(
    types.isAsyncFunction,
    'is not async: declare it as `async handle(event, context) { … }`',
  ),
});

const cardShape = z.object({
  name: z
    .string('is not a text')
    .regex(/^[\w-]+$/, 'has to fit into an address: use letters, digits, - and _'),
  objectTypes: z
    .array(z.string().regex(/^[\w-]+$/, 'is not an object type, such as CONTACT'), 'is not a list of names')
    .min(1, 'is empty, so the card would be shown nowhere'),
  render: aFunction,
  actions: z.record(z.string(), aFunction).optional(),
});

/**
 * @param builtIn names of handlers that are not the vendor's.
 * @throws {RegistryError} naming each handler and card that is wrong, and why.
 */
export function checkRegistries(
  handlers: readonly AnyWebhookHandler[],
  cards: readonly Card[],
  builtIn: readonly string[] = [],
): void {
  const problems = [
    ...handlers.flatMap((handler, index) =>
      told(
        'handler',
        handler,
        index,
        shapeProblem(handlerShape, handler) ?? subscriptionProblem(handler) ?? takenName(handler, builtIn),
      ),
    ),
    ...cards.flatMap((card, index) => told('card', card, index, shapeProblem(cardShape, card))),
    ...sharedNames('handlers', handlers, ({ on }) => `on ${[on].flat().join(', ')}`),
    ...sharedNames('cards', cards, ({ objectTypes }) => `for ${objectTypes}`),
  ];
  if (problems.length === 0) return;
  const list = problems.map((problem) => `  - ${problem}`).join('\n');
  throw new RegistryError(`Not every webhook handler and card can be used:\n${list}`);
}

const told = (what: string, { name }: { name?: unknown }, index: number, problem: string | undefined) =>
  problem ? [`${what} ${name || `number ${index + 1}`}: ${problem}`] : [];

function shapeProblem(shape: z.ZodType, value: unknown): string | undefined {
  const [issue] = shape.safeParse(value).error?.issues ?? [];
  return issue && `${issue.path.join('.')} ${issue.message}.`;
}

const takenName = ({ name }: AnyWebhookHandler, builtIn: readonly string[]) =>
  builtIn.includes(name) ? 'a built-in handler has this name; choose another.' : undefined;

/** Names stand in addresses, logs and dead letters: each may be given once. */
function sharedNames<Named extends { readonly name: string }>(
  what: string,
  registry: readonly Named[],
  describe: (one: Named) => string,
): string[] {
  const places = registry.map((one, index) => ({ one, place: `number ${index + 1} (${describe(one)})` }));
  return [...Map.groupBy(places, ({ one }) => one.name)]
    .filter(([, sharing]) => sharing.length > 1)
    .map(([name, sharing]) => {
      const those = sharing.map(({ place }) => place).join(' and ');
      return `${what} ${those} are all called ${name}; each needs a name of its own.`;
    });
}
