import path from 'node:path';

// Tests use their own handlers, cards and HubSpot project, because a vendor's may change.
export { cards } from '../fixtures/vendor/cards.ts';
export { default as integration } from '../fixtures/vendor/integration.ts';
export { webhookHandlers } from '../fixtures/vendor/webhooks.ts';

const ROOT = path.join(import.meta.dirname, '..');

export const PROJECT = path.join(ROOT, 'fixtures', 'vendor', 'hubspot-project');

export const VIEWS = path.join(ROOT, 'fixtures', 'vendor', 'views');

/** Arguments for Node with which the app's programs use them as well. */
export const WITH_FIXTURES = ['--import', path.join(ROOT, 'helpers', 'vendor-hook.ts')];
