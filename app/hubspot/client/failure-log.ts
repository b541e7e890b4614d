import type { Logger } from '../../base/logger.ts';
import type { HubSpotError } from './errors.ts';

/**
 * Logs a failed call on one line, with HubSpot's error codes but without personal data.
 * @param retryInMs undefined when it is not retried.
 */
export function logFailure(
  logger: Logger,
  error: HubSpotError,
  about: { portalId?: number; attempt: number },
  retryInMs: number | undefined,
): void {
  const { method, path, status, correlationId, summary: reason, correctHublet: region } = error;
  const problems = error.problems.length > 0 ? error.problems : undefined;
  const { requiredScopes, askedScopes, existingId } = error;
  const scopes =
    requiredScopes.length === 0
      ? {}
      : error.givenToken
        ? { requiredScopes }
        : { requiredScopes, askedScopes };
  const line = {
    ...about,
    method,
    path,
    status,
    correlationId,
    reason,
    problems,
    region,
    existingId,
    ...scopes,
  };
  if (retryInMs !== undefined) {
    logger.info({ ...line, retryInMs: Math.round(retryInMs) }, 'a call to HubSpot failed and is sent again');
    return;
  }
  const ours = error.transient || status === 401 || status === 403;
  logger[ours ? 'warn' : 'info'](line, 'a call to HubSpot failed');
}
