/**
 * Thrown by a handler for an event that no retry can handle: the event becomes a dead letter at once, with the message as
 * the reason. Operators can replay it.
 */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}
