/** All that `integration/` may use of this server: `import { … } from '#app'`. */
export type { Card, CardAnswer, CardContext, CardRequest } from './cards/card.ts';
export type { ApiRequest } from './hubspot/client/api-request.ts';
export { HubSpotError } from './hubspot/client/errors.ts';
export type { PortalClient } from './hubspot/portal-client.ts';
export type { HubSpotScope } from './hubspot/scopes.ts';
export { defineIntegration, type Integration } from './integration.ts';
export {
  type AnyWebhookHandler,
  defineHandler,
  type WebhookContext,
  type WebhookHandler,
} from './webhooks/handler.ts';
export { previousValue } from './webhooks/previous-value.ts';
