import { z } from 'zod';
import { placeOf } from './definition-place.ts';

export const aFunction = z.custom((value) => typeof value === 'function', 'is not a function');

/** A name for addresses, queues and logs. */
export const aName = z
  .string('is not a text')
  .regex(/^[\w-]{1,80}$/, 'has to be 1 to 80 letters, digits, - and _');

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

export function problemOf(shape: z.ZodType, value: unknown): string | undefined {
  const [issue] = shape.safeParse(value).error?.issues ?? [];
  return issue && `${issue.path.join('.')} ${issue.message}.`.trimStart();
}

/** A problem of a definition, with its place and name: `integration/cards/orders.ts:5: card orders: …`. */
export function reportProblem(
  what: string,
  definition: { name?: unknown },
  index: number,
  problem: string | undefined,
): string[] {
  if (!problem) return [];
  const place = placeOf(definition);
  return [`${place ? `${place}: ` : ''}${what} ${definition?.name || `number ${index + 1}`}: ${problem}`];
}

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
