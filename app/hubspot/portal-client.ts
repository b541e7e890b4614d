import { createApiRequest } from './client/api-request.ts';
import type { CallPriority } from './client/budget.ts';
import { createFetch } from './client/fetch.ts';
import { createPortalSend, type PortalCalls } from './client/portal-send.ts';
import { portalApis } from './portal-apis.ts';

export type PortalClient = ReturnType<typeof createPortalClient>;

/**
 * Opens a portal's APIs. Calls that nobody waits for are `background`.
 * @param withinMs milliseconds from now within which all calls together must end. Each call also has its own deadline.
 */
export type HubSpotFor = (portalId: number, priority?: CallPriority, withinMs?: number) => PortalClient;

/** HubSpot's APIs for one portal: the typed services, and `request` and `fetch` for every other endpoint. */
export function createPortalClient(calls: PortalCalls) {
  const send = createPortalSend(calls);
  return {
    ...portalApis(send, calls.paths),
    request: createApiRequest(send),
    fetch: createFetch(send, calls.apiUrl),
  };
}
