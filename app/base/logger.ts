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
 * Logs pretty lines to a terminal and JSON lines elsewhere. Redaction is the second line of defence: callers do not log
 * values with secrets.
 * @param output standard error for programs that write their results to standard output.
 */
export function createLogger(level: string, name: string, output: LogOutput = process.stdout): Logger {
  const options = {
    name,
    level,
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: { err: serializeError },
    base: { name },
    // Every line names its request or webhook event. A copy, because pino adds the line's fields to it.
    mixin: () => ({ ...currentCause() }),
    // Lines quote text from outside, and the pretty printer does not escape it.
    hooks: { streamWrite: output.isTTY ? jsonOfPrintable : printableJson },
  };
  if (!output.isTTY) return pino(options, pino.destination(output.fd));
  // The message of a request already has its method, path and status.
  const shown = {
    ignore: 'pid,hostname,name,req,res',
    messageFormat: '{name}: {msg}',
    destination: output.fd,
  };
  return pino({ ...options, transport: { target: 'pino-pretty', options: shown } });
}

/** An @, percent-encoded any number of times. */
const AT_SIGN = /@|%(?:25)*40/i;

/** Removes e-mail addresses from a path for the log. Segment by segment, as one expression for all is slow. */
export const maskEmails = (path: string): string =>
  path
    .split('/')
    .map((part) => (AT_SIGN.test(part) ? ':email' : part))
    .join('/');

/**
 * Logs only these fields of an error. Errors of got and pg hold the request, with its bearer token or parameters, and
 * pino's own serializer would print it.
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
