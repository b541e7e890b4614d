import path from 'node:path';
import integration from '../../integration/index.ts';
import { startWorld as startWorldOf, type WorldOptions } from './world.ts';

/** What the tests of `integration/` use: `import { … } from '#test'`. */
export { until } from './until.ts';
export type { World } from './world.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

/**
 * The app with `integration/`, a database of its own and the sandbox with `hubspot-project/`. Pass `worker: true` for
 * handlers and jobs to run, and `integration: { handlers: [] }` to replace a part of it.
 */
export const startWorld = (options: WorldOptions = {}) =>
  startWorldOf({
    views: path.join(ROOT, 'integration', 'views'),
    project: path.join(ROOT, 'hubspot-project'),
    ...options,
    integration: { ...integration, ...options.integration },
  });
