import { z } from 'zod';

const text = z.string('must be a text');
/** HubSpot shows nothing for null, though the types ask for a value. */
const value = z.union([text, z.number(), z.boolean(), z.null()], 'must be a text or a number');
const shared = { label: text, value };

/** One schema for each group of data types that take the same. */
const property = z.discriminatedUnion('dataType', [
  z.looseObject({ ...shared, dataType: z.literal(['STRING', 'EMAIL', 'NUMERIC', 'DATE', 'DATETIME']) }),
  z.looseObject({
    ...shared,
    dataType: z.literal('STATUS'),
    optionType: z
      .enum(['DEFAULT', 'SUCCESS', 'WARNING', 'DANGER', 'INFO'], {
        error: 'must be DEFAULT, SUCCESS, WARNING, DANGER or INFO',
      })
      .optional(),
  }),
  z.looseObject({ ...shared, dataType: z.literal('CURRENCY'), currencyCode: text.optional() }),
  z.looseObject({ ...shared, dataType: z.literal('LINK'), linkLabel: text.optional() }),
]);

const answer = z.looseObject({
  results: z.array(
    z.looseObject({
      objectId: z.union([z.number(), text], 'must be a number'),
      title: text,
      properties: z.array(property, 'must be a list').optional(),
    }),
    'must be a list',
  ),
});

/** What is wrong with a card's answer, by field and without personal data; undefined when HubSpot can show it. */
export function cardAnswerProblem(given: unknown): string | undefined {
  const [issue] = answer.safeParse(given).error?.issues ?? [];
  if (!issue) return undefined;
  const where = issue.path.join('.');
  if (issue.path.at(-1) !== 'dataType') return `${where} ${issue.message}`;
  const type = issue.path.reduce<unknown>(
    (part, key) => (part as Record<PropertyKey, unknown>)?.[key],
    given,
  );
  return (
    `${where} ${type === undefined ? 'is missing' : `"${String(type)}" is unknown`}: use STRING, EMAIL, NUMERIC, ` +
    'DATE, DATETIME, STATUS, CURRENCY or LINK'
  );
}
