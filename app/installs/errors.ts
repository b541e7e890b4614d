import { AppError } from '../base/errors.ts';

/** Why an install failed. Each failure has its own page. */
const FAILURES = {
  access_denied: [
    403,
    'The install was declined',
    'The install was declined in HubSpot. Nothing was stored. Start again to approve it, or ask a user who may install apps, such as a super admin.',
  ],
  scopes_refused: [
    403,
    'HubSpot did not grant what this app needs',
    'The account has no access to all that this app requires, or the app asks for a scope that it may not have. Nothing was stored.',
  ],
  app_refused: [
    400,
    'HubSpot does not accept this app',
    'HubSpot ended the install because of how this app asked for it. Nothing was stored.',
  ],
  install_refused: [
    400,
    'HubSpot ended the install',
    'HubSpot ended the install with an error. Nothing was stored. Wait a moment, then start again; if that does not help, ask whoever runs this app.',
  ],
  callback_incomplete: [
    400,
    'The install was not finished',
    'This address is where HubSpot sends you back after an install, and it was opened without all that HubSpot sends along. Nothing was stored.',
  ],
  callback_unasked: [
    400,
    'This install was not started here',
    'A code came without the mark of an install that was started on this server or in HubSpot’s marketplace. Nothing was stored. Start the install with the button below, or with the Install button in the marketplace.',
  ],
  return_url_refused: [
    400,
    'The way back is not HubSpot’s',
    'The address to return to does not belong to HubSpot. Nothing was stored.',
  ],
  state_unknown: [
    400,
    'This install was not started here',
    'This install was not started on this server, or not in this browser. Nothing was stored.',
  ],
  state_expired: [
    410,
    'The install took too long',
    'This install was started more than ten minutes ago. Nothing was stored.',
  ],
  state_used: [
    409,
    'This install is finished already',
    'This install was finished before; the page was opened a second time. If the app is connected, there is nothing to do.',
  ],
  code_refused: [
    400,
    'HubSpot does not accept the code',
    'HubSpot no longer accepts this code: it was used before, or it is too old. Nothing was stored.',
  ],
  hubspot_unavailable: [
    502,
    'HubSpot is not answering',
    'HubSpot did not answer, or not in a way that can be read. Nothing was stored. Wait a moment and reload this page; where HubSpot no longer takes its code, start again.',
  ],
  hubspot_incomplete: [
    502,
    'HubSpot’s answer could not be read',
    'HubSpot answered, but not which account this is, or without a token that lasts. Nothing was stored. Start again; if that does not help, tell the operator.',
  ],
  app_misconfigured: [
    502,
    'This app is not set up correctly',
    'HubSpot refuses this app’s client id, secret or redirect URL. Nothing was stored. The operator finds the reason in the log.',
  ],
} as const satisfies Record<string, readonly [status: number, title: string, message: string]>;

export type InstallFailure = keyof typeof FAILURES;

interface Details {
  /** When the failure's own message does not say enough. */
  readonly message?: string;
  /** Whether the page offers to start again. */
  readonly startAgain?: boolean;
  readonly cause?: unknown;
}

export function installFailed(code: InstallFailure, details: Details = {}): AppError {
  const [status, title, ownMessage] = FAILURES[code];
  const { message = ownMessage, startAgain = true, cause } = details;
  return new AppError(status, code, message, { title, startAgain, cause });
}

/** What the page of a failure says. */
export const messageOf = (code: InstallFailure): string => FAILURES[code][2];

export const isInstallFailure = (error: unknown): error is AppError & { code: InstallFailure } =>
  error instanceof AppError && Object.hasOwn(FAILURES, error.code);
