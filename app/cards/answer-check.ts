import { z } from 'zod';

const text = z.string('must be a text');
const label = { label: text, value: z.union([z.string(), z.number()], 'must be a text or a number') };

/** One schema for each group of data types that need the same. */
const property = z.discriminatedUnion('dataType', [
  z.looseObject({ ...label, dataType: z.literal(['STRING', 'EMAIL', 'NUMERIC', 'DATE', 'DATETIME']) }),
  z.looseObject({
    ...label,
    dataType: z.literal('STATUS'),
    optionType: z.enum(['DEFAULT', 'SUCCESS', 'WARNING', 'DANGER', 'INFO'], {
      error: 'must be DEFAULT, SUCCESS, WARNING, DANGER or INFO',
    }),
  }),
  z.looseObject({ ...label, dataType: z.literal('CURRENCY'), currencyCode: text }),
  z.looseObject({ ...label, dataType: z.literal('LINK'), linkLabel: text }),
]);

const answer = z.looseObject({
  results: z.array(
    z.looseObject({
      objectId: z.number('must be a number'),
      title: text,
      link: text.nullable(),
      properties: z.array(property, 'must be a list').optional(),
    }),
    'must be a list',
  ),
});

/** What is wrong with a card's answer, without its values; undefined when HubSpot can show it. */
export function cardAnswerProblem(value: unknown): string | undefined {
  const [issue] = answer.safeParse(value).error?.issues ?? [];
  if (!issue) return undefined;
  const where = issue.path.join('.');
  if (issue.path.at(-1) !== 'dataType') return `${where} ${issue.message}`;
  const given = issue.path.reduce<unknown>(
    (part, key) => (part as Record<PropertyKey, unknown>)?.[key],
    value,
  );
  return (
    `${where} ${given === undefined ? 'is missing' : `"${String(given)}" is unknown`}: use STRING, EMAIL, NUMERIC, ` +
    'DATE, DATETIME, STATUS, CURRENCY or LINK'
  );
}
