import { availableParallelism } from 'node:os';
import path from 'node:path';

/** A folder as a pattern of its own: as part of a glob, jest misreads brackets in the path of the project. */
const inFolder = (name) => RegExp.escape(path.join(import.meta.dirname, name, path.sep));

export default {
  testEnvironment: 'node',
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: [inFolder('node_modules'), inFolder('test/slow'), inFolder('.stryker-tmp')],
  modulePathIgnorePatterns: [inFolder('.stryker-tmp')],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/helpers/strip-types.js' },
  globalSetup: '<rootDir>/test/helpers/global-setup.ts',
  globalTeardown: '<rootDir>/test/helpers/global-teardown.ts',
  // No test takes as long; on a machine that is busy with other things it is what a test may need.
  testTimeout: 300_000,
  // Most of these tests wait for a process or a database now and then: two for each core keep it busy.
  maxWorkers: 2 * availableParallelism(),
};
