import { AppError } from '../../../base/errors.ts';
import type { SignedRoute } from './diagnose.ts';

/** `name=value` as HubSpot and URLSearchParams write it: reserved characters of a value are percent-encoded. */
const PAIR = /^[\w.%+-]+=[^="<>{}\\^`|\s]*$/;
/** What HubSpot says of every action, first. None of the names is the end of another one. */
const FIRST_FIELD = /^(?:userId|userEmail|associatedObjectId|associatedObjectType|portalId|appId)=/;

/** What HubSpot adds to the address of each request that a card makes. */
const OF_A_CARD = /^(?:appId|portalId|userId|userEmail)=/;

interface SignedMessage {
  readonly route: SignedRoute;
  readonly method: string;
  /** Path and query as they arrived. */
  readonly target: string;
  readonly body: string;
  readonly isForm: boolean;
}

/**
 * HubSpot signs address and body with nothing between them, so whoever holds a signed request could move the end of
 * one to the other: `…&associatedObjectId=1021` without a body and `…&associatedObjectId=102` with the body `1` have
 * one signature. What is accepted must therefore be whole on both sides of the cut: queries and forms of complete
 * pairs, complete JSON, and bodies only where HubSpot sends them. A form says nothing beyond the query; without a query
 * it follows the path, so it begins with a field of HubSpot's: else the end of an action's name could be moved into it.
 * @throws {AppError} invalid_request.
 */
export function requireSeparable({ route, method, target, body, isForm }: SignedMessage): void {
  const at = target.indexOf('?');
  const query = at < 0 ? '' : target.slice(at + 1);
  const pairs = pairsOf(query);
  if (!pairs) throw refused('The query must be made of whole name=value pairs');
  if (route === 'webhook') {
    // A card's code, which its user can change, may have HubSpot sign any address and body for this app.
    if (pairs.some((pair) => OF_A_CARD.test(pair)))
      throw refused('This was sent by a card, and is no delivery');
    if (at < 0 ? /^[/?]/.test(body) : !body.startsWith('['))
      throw refused('The body begins with the end of an address');
    return;
  }
  if (body === '') return;
  if (method === 'GET' || method === 'HEAD' || method === 'DELETE')
    throw refused(`HubSpot sends no body with ${method}`);
  if (!isForm) {
    // Whoever reads it says so when it is not JSON to its end.
    if (!/^\s*\{/.test(body)) throw refused('The body must be a form or a JSON object');
    return;
  }
  const fields = pairsOf(body);
  if (!fields) throw refused('The form must be made of whole name=value pairs');
  if (pairs.length === 0 && !FIRST_FIELD.test(body))
    throw refused("The form must begin with one of HubSpot's own fields");
  if (pairs.length > 0 && !fields.every((field) => pairs.includes(field)))
    throw refused('The form must repeat the query');
}

/** Undefined when one is cut. */
function pairsOf(text: string): string[] | undefined {
  if (text === '') return [];
  const pairs = text.split('&');
  return pairs.every((pair) => PAIR.test(pair)) ? pairs : undefined;
}

const refused = (problem: string) => new AppError(400, 'invalid_request', `${problem}.`);
