/** All that `integration/` may use of this server: `import { … } from '#app'`. */
export type { Card, CardAnswer, CardContext, CardRequest } from './cards/card.ts';
export { HubSpotError } from './hubspot/client/errors.ts';
export type { PortalClient } from './hubspot/portal-client.ts';
export { defineIntegration, type Integration } from './integration.ts';
export {
  type AnyWebhookHandler,
  defineHandler,
  previousValue,
  type WebhookContext,
  type WebhookHandler,
} from './webhooks/index.ts';
