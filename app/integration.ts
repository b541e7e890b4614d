import type { Card } from './cards/card.ts';
import type { AnyWebhookHandler } from './webhooks/index.ts';

/** What a vendor's `integration/` adds to this server. */
export interface Integration {
  readonly handlers: readonly AnyWebhookHandler[];
  /** The first one also answers at `/crm-extension` itself. */
  readonly cards: readonly Card[];
}

/** Everything may be left out. */
export const defineIntegration = (integration: Partial<Integration>): Integration => ({
  handlers: [],
  cards: [],
  ...integration,
});
