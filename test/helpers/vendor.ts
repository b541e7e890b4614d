import path from 'node:path';

// Tests run on handlers, cards and a HubSpot project of their own: a vendor's come and go.
export { cards } from '../fixtures/vendor/cards.ts';
export { default as integration } from '../fixtures/vendor/integration.ts';
export { webhookHandlers } from '../fixtures/vendor/webhooks.ts';

const ROOT = path.join(import.meta.dirname, '..');

export const PROJECT = path.join(ROOT, 'fixtures', 'vendor', 'hubspot-project');

export const VIEWS = path.join(ROOT, 'fixtures', 'vendor', 'views');

/** Arguments for Node that give one of the app's own programs the same. */
export const WITH_FIXTURES = ['--import', path.join(ROOT, 'helpers', 'vendor-hook.ts')];
