import type { CallPriority } from './client/budget.ts';
import { createPortalSend, type PortalCalls } from './client/portal-send.ts';
import { portalApis } from './portal-apis.ts';

export type PortalClient = ReturnType<typeof createPortalClient>;

/**
 * Opens a portal's APIs; calls that nobody waits for are `background`.
 * @param withinMs milliseconds from now in which all calls together must end; each has a deadline of its own, too.
 */
export type HubSpotFor = (portalId: number, priority?: CallPriority, withinMs?: number) => PortalClient;

/** HubSpot's APIs, authorised for one portal. */
export function createPortalClient(calls: PortalCalls) {
  return portalApis(createPortalSend(calls), calls.paths);
}
