import { furtherDetails } from '../hubspot/error-body.ts';
import type { HubSpotError } from '../hubspot/errors.ts';

/** What HubSpot refused, with a line for each field that it names and the message does not. */
export const explainRefusal = ({ message, errors }: HubSpotError): string =>
  [message, ...furtherDetails(message, errors)].join('\n  ');
