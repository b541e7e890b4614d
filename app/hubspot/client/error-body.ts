import { z } from 'zod';
import { usableItems } from './usable-items.ts';

/**
 * What HubSpot says when it refuses. Every field is documented as optional, and one of an unexpected type says no more
 * than a missing one: it never costs the others.
 * @see platform: error bodies of HubSpot's APIs (SPEC `Error`, `ErrorDetail`, `StandardError`)
 */
const text = z.string().optional().catch(undefined);

const JSON_START = /\[\s*[{"]|\{\s*"/;

const listed = z.union([
  z.looseObject({ message: z.string() }).transform(({ message }) => message),
  z.string(),
]);

/**
 * HubSpot's sentence without JSON: CRM sentences end with the list of what is wrong, which the errors beside them say
 * once more. Its messages take its place, one for each problem.
 */
function withoutJson(sentence: string): string {
  const start = sentence.search(JSON_START);
  if (start < 0) return sentence;
  const end = Math.max(sentence.lastIndexOf(']'), sentence.lastIndexOf('}'), start) + 1;
  const json = sentence.slice(start, end);
  const messages = [...new Set(messagesOf(json))];
  const before = sentence.slice(0, start).trimEnd();
  if (messages.length > 0) return `${before} ${messages.join('; ')}${sentence.slice(end)}`.trim();
  // A list that says nothing to people, or was cut short. Anything else may be a value that HubSpot quotes.
  return sentence.startsWith('[{', start) ? before.replace(/:$/, '') : sentence;
}

function messagesOf(json: string): string[] {
  try {
    return [JSON.parse(json)].flat().flatMap((item) => listed.safeParse(item).data ?? []);
  } catch {
    return [];
  }
}

/** What is there to be read by people. */
const sentence = z.string().transform(withoutJson).optional().catch(undefined);

const listOf = <T extends z.ZodType>(item: T) => z.array(z.unknown()).catch([]).transform(usableItems(item));

type Context = Record<string, string[]>;

const word = z.union([z.string(), z.number()]).transform(String);
const words = z.union([word.transform((it) => [it]), listOf(word)]);
const context = z.record(z.string(), words).catch({} as Context);

const detail = z.union([
  z.string().transform((said) => ({
    message: withoutJson(said),
    code: undefined,
    in: undefined,
    context: {} as Context,
  })),
  z.object({ message: sentence, code: text, in: text, context, subCategory: z.unknown().optional() }),
]);

/** One of several reasons: `in` or the context names the field. */
export type ErrorDetail = z.output<typeof detail>;

const fields = {
  message: sentence,
  category: text,
  /** Text as a rule; an object in the description of some APIs. */
  subCategory: z.unknown().optional(),
  context,
  errors: listOf(detail),
};

const standardError = z.object(fields);

/** An error about some inputs of a batch. */
export type StandardError = z.output<typeof standardError>;

/** The errors of a batch's answer; one that cannot be read still counts as one. */
export const standardErrors = z
  .array(
    z.unknown().transform((error) => {
      const parsed = standardError.safeParse(typeof error === 'string' ? { message: error } : error);
      return parsed.success ? parsed.data : standardError.parse({});
    }),
  )
  .catch([]);

const errorBody = z.object({
  ...fields,
  correlationId: text,
  policyName: text,
  /** The account's data region, where another one answered. */
  correctHublet: text,
  /** `error`; at the OAuth endpoints HubSpot's older word, such as BAD_REFRESH_TOKEN. */
  status: text,
  /** At the OAuth endpoints `error` of RFC 6749. */
  error: text,
});

/** Reads the body of an error, whatever it is. */
export function readErrorBody(body: unknown): z.output<typeof errorBody> {
  const parsed = errorBody.safeParse(body);
  return parsed.success ? parsed.data : errorBody.parse({});
}

/** The scopes of which a call needs one or more: `requiredGranularScopes` of a 403, or its older names. */
export function scopesNamed({ context }: { context: Context }): string[] {
  const named = Object.entries(context).flatMap(([key, values]) =>
    /^required\w*scopes$/i.test(key) ? values : [],
  );
  return named.filter((scope) => /^[\w.-]{1,100}$/.test(scope));
}

/** What went wrong in one line, with the field where it is not named: `firstname: is too long`. */
export function describeDetail({ message, code, in: field, context }: ErrorDetail): string | undefined {
  const scopes = scopesNamed({ context }).join(', ');
  if (scopes) return `${message?.replace(/\.$/, '') ?? 'Scopes are missing'}: ${scopes}`;
  const what = message ?? code;
  const where = context.propertyName?.join(', ') ?? field;
  return what === undefined || !where || what.includes(where) ? what : `${where}: ${what}`;
}

/** "Contact already exists. Existing ID: 101", and of other unique properties "101 already has that value". */
const EXISTING = [/\bexisting id:? *(\d{1,20})\b/i, /\b(\d{1,20}) already has that value\b/i];

/** The id of the record that holds a unique value already: HubSpot has it in its sentences alone. */
export function existingIdIn(texts: readonly (string | undefined)[]): string | undefined {
  const found = texts.flatMap((text = '') => EXISTING.map((pattern) => pattern.exec(text)?.[1]));
  return found.find((id) => id !== undefined);
}

/** What can stand in a log: HubSpot's sentences may repeat a person's values, names and codes do not. */
const isName = (text: string | undefined) => text !== undefined && /^[\w.[\], -]{1,200}$/.test(text);

/** Which field went wrong, and how, without the value: `firstname: INVALID_LENGTH`. */
export function nameDetail({ code, in: field, context }: ErrorDetail): string | undefined {
  const named = [context.propertyName?.join(', ') ?? field, code].filter(isName).join(': ');
  return named || undefined;
}

/** The lines that say more than `message`, each once. */
export function furtherDetails(message: string, errors: readonly ErrorDetail[]): string[] {
  const further = errors.filter((error) => {
    const scopes = scopesNamed(error);
    const told = scopes.length > 0 ? scopes : [error.message || undefined];
    return told.some((it) => it === undefined || !message.includes(it));
  });
  return [...new Set(further.flatMap((error) => describeDetail(error) ?? []))];
}

/** What is compared and not read: these keep their words even where a caller's value, sent as a secret, equals one. */
const COMPARED = new Set(['status', 'error', 'errorType', 'category', 'policyName']);

const isWord = (value: unknown) => typeof value === 'string' && /^[A-Za-z_]{1,40}$/.test(value);

/**
 * An error body without secrets: HubSpot repeats tokens in its texts, as in
 * `This oauth-token (…) does not have proper permissions!`.
 * @param secrets what the request carried; empty ones do not count.
 */
export function withoutSecrets(body: unknown, secrets: readonly string[]): unknown {
  if (typeof body === 'string') {
    const known = secrets.reduce((said, secret) => (secret ? said.replaceAll(secret, '…') : said), body);
    return known.replace(/oauth-token \([^)]*\)/gi, 'oauth-token (…)');
  }
  if (Array.isArray(body)) return body.map((it) => withoutSecrets(it, secrets));
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      COMPARED.has(name) && isWord(value) ? value : withoutSecrets(value, secrets),
    ]),
  );
}

/** The same for the errors beside the results of a batch. */
export function withoutSecretErrors(body: unknown, secrets: readonly string[]): unknown {
  if (typeof body !== 'object' || body === null || !('errors' in body)) return body;
  return { ...body, errors: withoutSecrets(body.errors, secrets) };
}
