import type { SandboxContext } from './context.ts';
import type { CrmRecord } from './state/record.ts';
import { type OutgoingResult, sendSigned } from './webhooks/signed-request.ts';

/** The contact properties that the app's card requests. */
const cardProperties = ['email', 'firstname', 'lastname'];

/** The user and the record of a card request; empty values are omitted. */
export function recordQuery(
  ctx: SandboxContext,
  record: CrmRecord,
  properties: readonly string[] = cardProperties,
): URLSearchParams {
  const user = ctx.portals.find(record.portalId)?.user;
  const values: Record<string, string | undefined> = {
    userId: user && String(user.id),
    userEmail: user?.email,
    associatedObjectId: record.id,
    associatedObjectType: record.type.singular.toUpperCase(),
    portalId: String(record.portalId),
    appId: String(ctx.settings.get().appId),
    ...Object.fromEntries(properties.map((name) => [name, record.properties[name]])),
  };
  const given = Object.entries(values).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return new URLSearchParams(given);
}

/** Adds a query to a URL that may have one. */
export function withQuery(url: string, query: URLSearchParams): string {
  const merged = new URL(url);
  for (const [name, value] of query) merged.searchParams.append(name, value);
  return merged.href;
}

/** Fetches the card's data as `hubspot.fetch` does on a record page: GET with v2 and v3 signatures. */
export function fetchCard(ctx: SandboxContext, record: CrmRecord, card?: string): Promise<OutgoingResult> {
  const { cardUrl, clientSecret } = ctx.settings.get();
  const url = card === undefined ? cardUrl : `${cardUrl}/${encodeURIComponent(card)}`;
  return sendSigned({
    method: 'GET',
    url: withQuery(url, recordQuery(ctx, record)),
    clientSecret,
    versions: ['v2', 'v3'],
  });
}

/** Fetches the details of a marketing event that HubSpot does not know: GET with a v3 signature. */
export function fetchMarketingEvent(
  ctx: SandboxContext,
  { externalEventId, externalAccountId }: { externalEventId: string; externalAccountId: string },
): Promise<OutgoingResult> {
  const { eventDetailsUrl, clientSecret, appId } = ctx.settings.get();
  const query = new URLSearchParams({ appId: String(appId), externalAccountId });
  const url = eventDetailsUrl.replace('%s', () => encodeURIComponent(externalEventId));
  return sendSigned({ method: 'GET', url: withQuery(url, query), clientSecret, versions: ['v3'] });
}

/** The response body, parsed if it is JSON, otherwise as text. */
export function answerOf({ status, body, problem }: OutgoingResult): { status: number; body: unknown } {
  if (status === 0) return { status, body: problem ?? null };
  try {
    return { status, body: JSON.parse(body) };
  } catch {
    return { status, body };
  }
}
