import { AppError } from '../../../base/errors.ts';
import type { SignedRoute } from './diagnose.ts';

/** `name=value` as HubSpot and URLSearchParams encode it: reserved characters of a value are percent-encoded. */
const PAIR = /^[\w.%+-]+=[^="<>{}\\^`|\s]*$/;
/** The fields with which HubSpot starts the form of every action. No name is the end of another one. */
const FIRST_FIELD = /^(?:userId|userEmail|associatedObjectId|associatedObjectType|portalId|appId)=/;

/** The parameters that HubSpot adds to each request of a card. */
const OF_A_CARD = /^(?:appId|portalId|userId|userEmail)=/;

interface SignedMessage {
  readonly route: SignedRoute;
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly body: string;
  readonly isForm: boolean;
}

/**
 * HubSpot signs URL and body without a separator, so the holder of a signed request could move the end of
 * one to the other: `…&associatedObjectId=1021` without a body and `…&associatedObjectId=102` with the body `1` have
 * the same signature. Both parts must therefore be complete: queries and forms of complete
 * pairs, complete JSON, and bodies only where HubSpot sends them. A form only repeats the query; without a query
 * it must start with a field of HubSpot's, because otherwise the end of an action's name could be moved into it.
 * @throws {AppError} invalid_request.
 */
export function requireSeparable({ route, method, target, body, isForm }: SignedMessage): void {
  const at = target.indexOf('?');
  const query = at < 0 ? '' : target.slice(at + 1);
  const pairs = pairsOf(query);
  if (!pairs) throw rejection('The query must consist of complete name=value pairs');
  if (route === 'webhook') {
    // A card's code, which its user can change, can have HubSpot sign any URL and body for this app.
    if (pairs.some((pair) => OF_A_CARD.test(pair)))
      throw rejection('This request comes from a card and is not a delivery');
    if (at < 0 ? /^[/?]/.test(body) : !body.startsWith('['))
      throw rejection('The body starts with the end of a URL');
    return;
  }
  if (body === '') return;
  if (method === 'GET' || method === 'HEAD' || method === 'DELETE')
    throw rejection(`HubSpot sends no body with ${method}`);
  if (!isForm) {
    // Whoever parses it rejects incomplete JSON.
    if (!/^\s*\{/.test(body)) throw rejection('The body must be a form or a JSON object');
    return;
  }
  const fields = pairsOf(body);
  if (!fields) throw rejection('The form must consist of complete name=value pairs');
  if (pairs.length === 0 && !FIRST_FIELD.test(body))
    throw rejection("The form must start with one of HubSpot's own fields");
  if (pairs.length > 0 && !fields.every((field) => pairs.includes(field)))
    throw rejection('The form must repeat the query');
}

/** Undefined when a pair is incomplete. */
function pairsOf(text: string): string[] | undefined {
  if (text === '') return [];
  const pairs = text.split('&');
  return pairs.every((pair) => PAIR.test(pair)) ? pairs : undefined;
}

const rejection = (problem: string) => new AppError(400, 'invalid_request', `${problem}.`);
