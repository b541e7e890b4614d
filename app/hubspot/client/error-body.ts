import { z } from 'zod';
import { usableItems } from './usable-items.ts';

/**
 * An error body of HubSpot. Every field is documented as optional, and a field of an unexpected type is treated as
 * missing, so that it does not affect the others.
 * @see platform: error bodies of HubSpot's APIs (SPEC `Error`, `ErrorDetail`, `StandardError`)
 */
const text = z.string().optional().catch(undefined);

const JSON_START = /\[\s*[{"]|\{\s*"/;

const listed = z.union([
  z.looseObject({ message: z.string() }).transform(({ message }) => message),
  z.string(),
]);

/**
 * HubSpot's message without JSON. CRM messages end with a JSON list of the errors, which the body also has in `errors`.
 * The list is replaced by the messages in it.
 */
function withoutJson(sentence: string): string {
  const start = sentence.search(JSON_START);
  if (start < 0) return sentence;
  const end = Math.max(sentence.lastIndexOf(']'), sentence.lastIndexOf('}'), start) + 1;
  const json = sentence.slice(start, end);
  const messages = [...new Set(messagesOf(json))];
  const before = sentence.slice(0, start).trimEnd();
  if (messages.length > 0) return `${before} ${messages.join('; ')}${sentence.slice(end)}`.trim();
  // A list without messages, or a truncated one. Anything else may be a value that HubSpot quotes.
  return sentence.startsWith('[{', start) ? before.replace(/:$/, '') : sentence;
}

function messagesOf(json: string): string[] {
  try {
    return [JSON.parse(json)].flat().flatMap((item) => listed.safeParse(item).data ?? []);
  } catch {
    return [];
  }
}

/** Text for people. */
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

/** One of several errors: `in` or the context names the field. */
export type ErrorDetail = z.output<typeof detail>;

const fields = {
  message: sentence,
  category: text,
  /** Usually text; an object in some API descriptions. */
  subCategory: z.unknown().optional(),
  context,
  errors: listOf(detail),
};

const standardError = z.object(fields);

/** An error about some inputs of a batch. */
export type StandardError = z.output<typeof standardError>;

/** The errors in a batch response. An unreadable error still counts as one. */
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
  /** The account's data region, when another region answered. */
  correctHublet: text,
  /** `error`; at the OAuth endpoints HubSpot's older code, such as BAD_REFRESH_TOKEN. */
  status: text,
  /** At the OAuth endpoints the `error` of RFC 6749. */
  error: text,
});

/** Parses the body of an error, whatever its type. */
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

/** The error in one line, with the field unless the message names it: `firstname: is too long`. */
export function describeDetail({ message, code, in: field, context }: ErrorDetail): string | undefined {
  const scopes = scopesNamed({ context }).join(', ');
  if (scopes) return `${message?.replace(/\.$/, '') ?? 'Scopes are missing'}: ${scopes}`;
  const what = message ?? code;
  const where = context.propertyName?.join(', ') ?? field;
  return what === undefined || !where || what.includes(where) ? what : `${where}: ${what}`;
}

/** "Contact already exists. Existing ID: 101", and for other unique properties "101 already has that value". */
const EXISTING = [/\bexisting id:? *(\d{1,20})\b/i, /\b(\d{1,20}) already has that value\b/i];

/** The id of the record that already has a unique value. HubSpot states it only in messages. */
export function existingIdIn(texts: readonly (string | undefined)[]): string | undefined {
  const found = texts.flatMap((text = '') => EXISTING.map((pattern) => pattern.exec(text)?.[1]));
  return found.find((id) => id !== undefined);
}

/** Safe for logs: HubSpot's messages may contain personal data, names and codes do not. */
const isName = (text: string | undefined) => text !== undefined && /^[\w.[\], -]{1,200}$/.test(text);

/** The field and the error code, without the value: `firstname: INVALID_LENGTH`. */
export function nameDetail({ code, in: field, context }: ErrorDetail): string | undefined {
  const named = [context.propertyName?.join(', ') ?? field, code].filter(isName).join(': ');
  return named || undefined;
}

/** The details that `message` does not contain, without duplicates. */
export function furtherDetails(message: string, errors: readonly ErrorDetail[]): string[] {
  const further = errors.filter((error) => {
    const scopes = scopesNamed(error);
    const told = scopes.length > 0 ? scopes : [error.message || undefined];
    return told.some((it) => it === undefined || !message.includes(it));
  });
  return [...new Set(further.flatMap((error) => describeDetail(error) ?? []))];
}

/** Codes that the code compares: they are kept even if a secret of the request has the same value. */
const COMPARED = new Set(['status', 'error', 'errorType', 'category', 'policyName']);

const isWord = (value: unknown) => typeof value === 'string' && /^[A-Za-z_]{1,40}$/.test(value);

/**
 * An error body without secrets. HubSpot repeats tokens in messages, such as
 * `This oauth-token (…) does not have proper permissions!`.
 * @param secrets the secrets of the request; empty ones are ignored.
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

/** `withoutSecrets` for the errors in a batch response. */
export function withoutSecretErrors(body: unknown, secrets: readonly string[]): unknown {
  if (typeof body !== 'object' || body === null || !('errors' in body)) return body;
  return { ...body, errors: withoutSecrets(body.errors, secrets) };
}
