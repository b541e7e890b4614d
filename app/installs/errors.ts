import { AppError } from '../base/errors.ts';

/** Why an install failed. Each failure has its own page. */
const FAILURES = {
  access_denied: {
    status: 403,
    title: 'The install was declined',
    message:
      'The install was declined in HubSpot. Nothing was stored. Start again to approve it, or ask a user who may install apps, such as a super admin.',
  },
  scopes_refused: {
    status: 403,
    title: 'HubSpot did not grant what this app needs',
    message:
      'The account lacks something that this app requires, or the app requests a scope that it may not have. Nothing was stored.',
  },
  app_refused: {
    status: 400,
    title: 'HubSpot does not accept this app',
    message: 'HubSpot ended the install because of how this app requested it. Nothing was stored.',
  },
  install_refused: {
    status: 400,
    title: 'HubSpot ended the install',
    message:
      'HubSpot ended the install with an error. Nothing was stored. Wait a moment, then start again; if that does not help, ask whoever runs this app.',
  },
  callback_incomplete: {
    status: 400,
    title: 'The install was not finished',
    message:
      'HubSpot opens this address after an install, but some of its parameters are missing. Nothing was stored.',
  },
  callback_unasked: {
    status: 400,
    title: 'This install was not started here',
    message:
      'The code does not belong to an install that was started on this server or in HubSpot’s marketplace. Nothing was stored. Start the install with the button below, or with the Install button in the marketplace.',
  },
  return_url_refused: {
    status: 400,
    title: 'The return address is not HubSpot’s',
    message: 'The address to return to does not belong to HubSpot. Nothing was stored.',
  },
  state_unknown: {
    status: 400,
    title: 'This install was not started here',
    message: 'This install was not started on this server, or not in this browser. Nothing was stored.',
  },
  state_expired: {
    status: 410,
    title: 'The install took too long',
    message: 'This install was started more than ten minutes ago. Nothing was stored.',
  },
  state_used: {
    status: 409,
    title: 'This install is finished already',
    message:
      'This install was finished before; the page was opened a second time. If the app is connected, there is nothing to do.',
  },
  code_refused: {
    status: 400,
    title: 'HubSpot does not accept the code',
    message: 'HubSpot no longer accepts this code: it was used before, or it is too old. Nothing was stored.',
  },
  hubspot_unavailable: {
    status: 502,
    title: 'HubSpot is not answering',
    message:
      'HubSpot did not answer, or its answer could not be read. Nothing was stored. Wait a moment and reload this page; if HubSpot no longer accepts its code, start again.',
  },
  hubspot_incomplete: {
    status: 502,
    title: 'HubSpot’s answer could not be read',
    message:
      'HubSpot answered without the account or without a refresh token. Nothing was stored. Start again; if that does not help, tell the operator.',
  },
  app_misconfigured: {
    status: 502,
    title: 'This app is not set up correctly',
    message:
      'HubSpot rejects this app’s client id, secret or redirect URL. Nothing was stored. The operator finds the reason in the log.',
  },
} as const;

export type InstallFailure = keyof typeof FAILURES;

interface Details {
  /** When the failure's own message does not say enough. */
  readonly message?: string;
  /** Whether the page offers to start again. */
  readonly startAgain?: boolean;
  readonly cause?: unknown;
}

export function installFailed(code: InstallFailure, details: Details = {}): AppError {
  const { status, title } = FAILURES[code];
  const { message = messageOf(code), startAgain = true, cause } = details;
  return new AppError(status, code, message, { title, startAgain, cause });
}

/** What the page of a failure says. */
export const messageOf = (code: InstallFailure): string => FAILURES[code].message;

export const isInstallFailure = (error: unknown): error is AppError & { code: InstallFailure } =>
  error instanceof AppError && Object.hasOwn(FAILURES, error.code);
