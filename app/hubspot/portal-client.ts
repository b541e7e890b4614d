import { createAppInstallsApi } from './app-installs.ts';
import type { CallPriority } from './budget.ts';
import { createContactsApi } from './contacts.ts';
import { createPortalSend, type PortalCalls } from './portal-send.ts';
import { createTimelineApi } from './timeline.ts';

export type PortalClient = ReturnType<typeof createPortalClient>;

/** Opens a portal's APIs; calls that nobody waits for are `background`. */
export type HubSpotFor = (portalId: number, priority?: CallPriority) => PortalClient;

/** HubSpot's APIs, authorised for one portal. */
export function createPortalClient(calls: PortalCalls) {
  const send = createPortalSend(calls);

  return {
    contacts: createContactsApi(send),
    timeline: createTimelineApi(send),
    appInstalls: createAppInstallsApi(send),
  };
}
