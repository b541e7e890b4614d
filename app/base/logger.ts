import { pino } from 'pino';
import { jsonOfPrintable, printableJson } from './printable.ts';
import { currentCause } from './trace.ts';

export type Logger = pino.Logger;

type LogOutput = typeof process.stdout | typeof process.stderr;

const REDACTED = [
  'authorization',
  'cookie',
  'accessToken',
  'access_token',
  'refreshToken',
  'refresh_token',
  'clientSecret',
  'client_secret',
  'ticket',
  'apiKey',
].flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/**
 * Pretty lines where a person watches (a terminal), JSON lines elsewhere.
 * Redaction is the second line of defence: what holds a secret is not handed to the logger at all.
 * @param output standard error for a program whose results go to standard output.
 */
export function createLogger(level: string, name: string, output: LogOutput = process.stdout): Logger {
  const options = {
    name,
    level,
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: { err: serializeError },
    base: { name },
    // Every line says what it was for: the request or the webhook event. A copy, as pino adds the line's fields to it.
    mixin: () => ({ ...currentCause() }),
    // Lines quote what came from outside; the pretty printer writes texts out as they are.
    hooks: { streamWrite: output.isTTY ? jsonOfPrintable : printableJson },
  };
  if (!output.isTTY) return pino(options, pino.destination(output.fd));
  // The message of a request says its method, path and status already.
  const shown = {
    ignore: 'pid,hostname,name,req,res',
    messageFormat: '{name}: {msg}',
    destination: output.fd,
  };
  return pino({ ...options, transport: { target: 'pino-pretty', options: shown } });
}

/** An @, encoded however often. */
const AT_SIGN = /@|%(?:25)*40/i;

/** A path as it may be logged: paths hold e-mail addresses. Part by part, as one expression for all takes long. */
export const maskEmails = (path: string): string =>
  path
    .split('/')
    .map((part) => (AT_SIGN.test(part) ? ':email' : part))
    .join('/');

/**
 * Only these fields of an error are logged. A got or pg error carries its request, with bearer token or
 * parameters, as enumerable fields, and pino's own serializer would print them.
 */
export function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, code, status, correlationId, cause } = error as Error &
    Record<string, unknown>;
  return {
    type: name,
    message,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(correlationId !== undefined && { correlationId }),
    stack,
    ...(cause instanceof Error && { cause: `${cause.name}: ${cause.message}` }),
  };
}
