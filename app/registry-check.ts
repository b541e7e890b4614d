import { types } from 'node:util';
import { z } from 'zod';
import { placeOf } from './base/definition-place.ts';
import type { AnyCard } from './cards/index.ts';
import { type AnyWebhookHandler, subscriptionProblem } from './webhooks/index.ts';

/** Definitions of the integration that this server cannot work with; the message names every problem. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';

  constructor(problems: readonly string[]) {
    super(`The integration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

export const aFunction = z.custom((value) => typeof value === 'function', 'is not a function');
/** An object whose other fields are typing errors: what they say would be ignored silently. */
export function knownFields<Shape extends z.ZodRawShape>(shape: Shape) {
  const fields = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys'
        ? `has the unknown field ${(keys as string[]).join(', ')}: the fields are ${fields}`
        : 'is missing or not an object',
  });
}

const aList = z
  .array(z.string('is not a name').min(1, 'is an empty name'), 'is not a list of names')
  .min(1, 'is empty, so no event would match: name some, or leave it out');

const aType = z.string('is not a subscription type');

/** The compiler checks the same in TypeScript; this is for handlers that are written in JavaScript, or cast. */
const handlerShape = knownFields({
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

const cardShape = knownFields({
  name: z
    .string('is not a text')
    .regex(/^[\w-]+$/, 'has to fit into an address: use letters, digits, - and _'),
  title: z.string('is not a text').min(1, 'is empty'),
  objectTypes: z
    .array(z.string().regex(/^[\w-]+$/, 'is not an object type, such as CONTACT'), 'is not a list of names')
    .min(1, 'is empty, so the card would be shown nowhere'),
  render: aFunction,
  actions: z.record(z.string(), aFunction).optional(),
  page: aFunction.optional(),
});

/**
 * @param builtIn names of handlers that are not the vendor's.
 * @throws {RegistryError} naming each handler and card that is wrong, and why.
 */
export function checkRegistries(
  handlers: readonly AnyWebhookHandler[],
  cards: readonly AnyCard[],
  builtIn: readonly string[] = [],
): void {
  const problems = registryProblems(handlers, cards, builtIn);
  if (problems.length > 0) throw new RegistryError(problems);
}

export const registryProblems = (
  handlers: readonly AnyWebhookHandler[],
  cards: readonly AnyCard[],
  builtIn: readonly string[],
): string[] => [
  ...handlers.flatMap((handler, index) =>
    told(
      'handler',
      handler,
      index,
      problemOf(handlerShape, handler) ?? subscriptionProblem(handler) ?? takenName(handler, builtIn),
    ),
  ),
  ...cards.flatMap((card, index) => told('card', card, index, problemOf(cardShape, card))),
  ...sharedNames('handlers', handlers, ({ on }) => `on ${on}`),
  ...sharedNames('cards', cards, ({ objectTypes }) => `for ${objectTypes}`),
];

/** A problem with what it is about: `integration/cards/orders.ts:5: card orders: …`. */
export function told(
  what: string,
  definition: { name?: unknown },
  index: number,
  problem: string | undefined,
): string[] {
  if (!problem) return [];
  const place = placeOf(definition);
  return [`${place ? `${place}: ` : ''}${what} ${definition?.name || `number ${index + 1}`}: ${problem}`];
}

export function problemOf(shape: z.ZodType, value: unknown): string | undefined {
  const [issue] = shape.safeParse(value).error?.issues ?? [];
  return issue && `${issue.path.join('.')} ${issue.message}.`.trimStart();
}

const takenName = ({ name }: AnyWebhookHandler, builtIn: readonly string[]) =>
  builtIn.includes(name) ? 'a built-in handler has this name; choose another.' : undefined;

/** Names stand in addresses, logs, queued jobs and dead letters: each may be given once. */
export function sharedNames<Named extends { readonly name: string }>(
  what: string,
  registry: readonly Named[],
  describe: (one: Named) => string | undefined = () => undefined,
): string[] {
  // A missing entry has no name; it is reported by itself.
  const places = registry.flatMap((one, index) => {
    if (!one) return [];
    const details = [describe(one), placeOf(one)].filter(Boolean).join(', ');
    return [{ one, place: `number ${index + 1}${details && ` (${details})`}` }];
  });
  return [...Map.groupBy(places, ({ one }) => one.name)]
    .filter(([name, sharing]) => name && sharing.length > 1)
    .map(([name, sharing]) => {
      const those = sharing.map(({ place }) => place).join(' and ');
      return `${what} ${those} are all called ${name}; each needs a name of its own.`;
    });
}
