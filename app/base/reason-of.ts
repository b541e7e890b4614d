/**
 * The message of an error. When a host name has several addresses (`localhost` often has two), a failed connection is an
 * AggregateError without a message, with one error for each address.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(reasonOf).join('; ');
  return String(error instanceof Error ? error.message : error);
}
