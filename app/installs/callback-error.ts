import type { AppError } from '../base/errors.ts';
import { maskEmails } from '../base/logger.ts';
import { shortLine } from '../base/printable.ts';
import { withoutSecrets } from '../hubspot/client/error-body.ts';
import { type InstallFailure, installFailed, messageOf } from './errors.ts';

/** Error and description of an OAuth callback. Anyone can make up such an address. */
export interface CallbackError {
  /** For the log, without e-mail addresses. */
  readonly logText: string;
  /** @param code what the page is about when the callback's state is not valid. */
  toAppError(code?: InstallFailure): AppError;
}

const LONGEST_ERROR = 100;
const LONGEST_DESCRIPTION = 400;

/** Error codes of RFC 6749, 4.1.2.1, about the request, which another try would only repeat. */
const ABOUT_THE_APP = new Set([
  'invalid_request',
  'invalid_client',
  'unauthorized_client',
  'unsupported_response_type',
  'redirect_uri_mismatch',
]);

/** Failures that every other try would meet again. */
const PERMANENT: readonly InstallFailure[] = ['scopes_refused', 'app_refused'];
const NO_USE = 'Starting again does not help: tell whoever runs this app.';

/** @param secrets values of the address and of this server that are masked. */
export function readCallbackError(
  error: string,
  description: string | undefined,
  secrets: readonly string[],
): CallbackError {
  // The page shows it in quotes, which the text must not close.
  const clean = (text: string, most: number) =>
    shortLine(String(withoutSecrets(text, secrets)), most).replace(/[“”]/g, '"');
  const word = clean(error, LONGEST_ERROR);
  const details = description === undefined ? '' : clean(description, LONGEST_DESCRIPTION);
  const text = [word, details].filter(Boolean).join(': ');
  const failure = failureOf(word, details);
  return {
    logText: text.split(' ').map(maskEmails).join(' '),
    toAppError(code = failure) {
      const startAgain = !PERMANENT.includes(failure);
      const message = [messageOf(code), startAgain ? [] : NO_USE, `Reason given: “${text}”`].flat();
      return installFailed(code, { message: message.join(' '), startAgain });
    },
  };
}

/** HubSpot does not document its error codes; when scopes are missing, the description names them. */
function failureOf(error: string, description: string): InstallFailure {
  if (error === 'invalid_scope' || /\bscopes?\b/i.test(description)) return 'scopes_refused';
  if (error === 'access_denied') return 'access_denied';
  return ABOUT_THE_APP.has(error) ? 'app_refused' : 'install_refused';
}
