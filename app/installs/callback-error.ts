import { maskEmails } from '../base/logger.ts';
import { shortLine } from '../base/printable.ts';
import { withoutSecrets } from '../hubspot/client/error-body.ts';
import type { InstallFailure } from './errors.ts';

/** Error and description of an OAuth callback. Anyone can write such an address, HubSpot or not. */
export interface CallbackError {
  readonly failure: InstallFailure;
  /** For people: `invalid_scope: Authorization failed because …`, one bounded line. */
  readonly text: string;
  /** The same for the log, without e-mail addresses. */
  readonly logText: string;
}

const LONGEST_ERROR = 100;
const LONGEST_DESCRIPTION = 400;

/** Words of RFC 6749, 4.1.2.1, about the request, which this server would only repeat. */
const ABOUT_THE_APP = new Set([
  'invalid_request',
  'invalid_client',
  'unauthorized_client',
  'unsupported_response_type',
  'redirect_uri_mismatch',
]);

/** @param secrets what else the address and this server hold, and is not repeated. */
export function readCallbackError(
  error: string,
  description: string | undefined,
  secrets: readonly string[],
): CallbackError {
  // The page puts it in quotes, which it must not seem to end.
  const clean = (text: string, most: number) =>
    shortLine(String(withoutSecrets(text, secrets)), most).replace(/[“”]/g, '"');
  const word = clean(error, LONGEST_ERROR);
  const said = description === undefined ? '' : clean(description, LONGEST_DESCRIPTION);
  const text = [word, said].filter(Boolean).join(': ');
  return { failure: failureOf(word, said), text, logText: text.split(' ').map(maskEmails).join(' ') };
}

/** HubSpot does not list its words; scopes are named in the description at the latest. */
function failureOf(error: string, description: string): InstallFailure {
  if (error === 'invalid_scope' || /\bscopes?\b/i.test(description)) return 'scopes_refused';
  if (error === 'access_denied') return 'access_denied';
  return ABOUT_THE_APP.has(error) ? 'app_refused' : 'install_refused';
}
