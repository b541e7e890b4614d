/**
 * What an error says. A connection to a name with several addresses (`localhost` is often two) fails with one error
 * inside for each address, and no message of its own.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(reasonOf).join('; ');
  return String(error instanceof Error ? error.message : error);
}
