import { types } from 'node:util';
import { z } from 'zod';
import { aFunction, knownFields, problemOf, reportProblem, sharedNames } from '../base/definition-check.ts';
import type { AnyWebhookHandler } from './handler.ts';
import { subscriptionProblem } from './subscriptions/wanted.ts';

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
      'has an unknown condition: use properties, changeSources, objectTypeIds or ownWrites',
    )
    .optional(),
  handle: aFunction.refine(
    types.isAsyncFunction,
    'is not async: declare it as `async handle(event, context) { … }`',
  ),
});

/**
 * The problems of a vendor's handlers, each with its place and name.
 * @param builtIn names of our own handlers.
 */
export const handlerProblems = (
  handlers: readonly AnyWebhookHandler[],
  builtIn: readonly string[] = [],
): string[] => [
  ...handlers.flatMap((handler, index) =>
    reportProblem(
      'handler',
      handler,
      index,
      problemOf(handlerShape, handler) ?? subscriptionProblem(handler) ?? takenName(handler, builtIn),
    ),
  ),
  ...sharedNames('handlers', handlers, ({ on }) => `on ${on}`),
];

const takenName = ({ name }: AnyWebhookHandler, builtIn: readonly string[]) =>
  builtIn.includes(name) ? 'a built-in handler has this name; choose another.' : undefined;
