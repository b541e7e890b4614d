/** PostgreSQL's codes for lost, refused, terminated and too many connections, and for a read-only server. */
const AWAY = /^(?:08...|53...|57P0.|25006)$/;
/** Its codes for time-outs, serialization failures and deadlocks: a retry may succeed. */
const CANCELLED = ['57014', '55P03', '40001', '40P01'];
/** Its classes for data exceptions and exceeded limits. */
const DATA = /^(?:22|54)/;
/** PostgreSQL's errors have such a code; those of the network and the driver do not. */
const SQLSTATE = /^[\dA-Z]{5}$/;
const NO_SUCH_TABLE = '42P01';
const NETWORK_CODES = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
];
const STATEMENT_TIMED_OUT = 'Query read timeout';
/** Messages of pg's errors without a code. */
const DRIVER_WORDS =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired$|Query read timeout)|not queryable|after calling end on the pool/;

export const UNMIGRATED = 'The database is not migrated: run `npm run migrate` first.';

/** Whether a statement failed because the database was unreachable or too slow: a retry may succeed. */
export function isDatabaseAway(error: unknown): boolean {
  const { code = '', syscall, message = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  if (AWAY.test(code) || CANCELLED.includes(code) || NETWORK_CODES.includes(code)) return true;
  // An HTTP caller who disconnects causes ECONNRESET too, but without a system call.
  return code === 'ECONNRESET' ? syscall !== undefined : DRIVER_WORDS.test(message);
}

/** Whether a statement timed out in the driver, which means that its connection is dead. */
export const hasTimedOut = (error: unknown): boolean =>
  error instanceof Error && error.message === STATEMENT_TIMED_OUT;

/** Whether a connection attempt or a statement timed out: the database may be busy. */
export const wasTooSlow = (error: unknown): boolean =>
  error instanceof Error && (codeOf(error) === '57014' || /time-?out/i.test(error.message));

/** Whether PostgreSQL itself rejected the statement, as opposed to a lost connection. */
export function isRejection(error: Error): boolean {
  const code = codeOf(error);
  return SQLSTATE.test(code) && !AWAY.test(code);
}

/** Whether the database cannot hold a value. */
export const isDataException = (error: unknown): error is Error =>
  error instanceof Error && DATA.test(codeOf(error));

export const isUnmigrated = (error: unknown): boolean =>
  error instanceof Error && codeOf(error) === NO_SUCH_TABLE;

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');
