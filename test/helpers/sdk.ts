/** What the tests of `integration/` use: `import { … } from '#test'`. */
export { until } from './until.ts';
export { startWorld, type World } from './world.ts';
