/** PostgreSQL's codes for a connection lost, refused, ended by an operator or a crash, one too many, or read-only. */
const AWAY = /^(?:08...|53...|57P0.|25006)$/;
/** Its codes for a statement that took or waited too long, or stood in the way of another: the next try may go through. */
const CANCELLED = ['57014', '55P03', '40001', '40P01'];
/** Its classes for a value that does not fit its type, or is too large for what it goes into. */
const DATA = /^(?:22|54)/;
/** What PostgreSQL has refused has one of its codes; what has none comes from the network or the driver. */
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
/** What pg says without a code. */
const DRIVER_WORDS =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired$|Query read timeout)|not queryable|after calling end on the pool/;

export const UNMIGRATED = 'The database is not migrated: run `npm run migrate` first.';

/** Whether a statement failed because the database could not be reached or was too slow; it may work in a moment. */
export function isDatabaseAway(error: unknown): boolean {
  const { code = '', syscall, message = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  if (AWAY.test(code) || CANCELLED.includes(code) || NETWORK_CODES.includes(code)) return true;
  // A caller who goes away resets a connection too, but not in a system call of ours.
  return code === 'ECONNRESET' ? syscall !== undefined : DRIVER_WORDS.test(message);
}

/** Whether a statement got no answer in its time: its connection is dead, and nothing has said so. */
export const hasTimedOut = (error: unknown): boolean =>
  error instanceof Error && error.message === STATEMENT_TIMED_OUT;

/** Whether a connection or a statement was given up because it took too long: the database may be there, but busy. */
export const wasTooSlow = (error: unknown): boolean =>
  error instanceof Error && (codeOf(error) === '57014' || /time-?out/i.test(error.message));

/** Whether PostgreSQL itself refused the statement, rather than the connection to it being lost. */
export function isRefusal(error: Error): boolean {
  const code = codeOf(error);
  return SQLSTATE.test(code) && !AWAY.test(code);
}

/** Whether the database cannot hold a value. */
export const isDataException = (error: unknown): error is Error =>
  error instanceof Error && DATA.test(codeOf(error));

export const isUnmigrated = (error: unknown): boolean =>
  error instanceof Error && codeOf(error) === NO_SUCH_TABLE;

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');
