/** Run it with `npm run test:mutation`; see docs/mutation-testing.md. */
const { MUTATE = '', MUTATION_TESTS = '', MUTATION_REPORT = '', MUTATION_CONCURRENCY = '1' } = process.env;

export default {
  mutate: [MUTATE],
  testRunner: 'jest',
  jest: {
    configFile: 'jest.config.js',
    config: {
      testMatch: MUTATION_TESTS.split(' ').map((file) => `**/${file}`),
      // The script that runs Stryker has started PostgreSQL once for all mutants.
      globalSetup: null,
      globalTeardown: null,
    },
    // Nearly every test reaches nearly every file through the context.
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  // A constant at the top of a file needs a run of all tests for each mutant.
  ignoreStatic: true,
  // Wordings are tested where they matter; to empty each one would be most of the run.
  mutator: { excludedMutations: ['StringLiteral'] },
  concurrency: Number(MUTATION_CONCURRENCY),
  // Jest does not free the ES modules of a run.
  maxTestRunnerReuse: 30,
  timeoutMS: 15_000,
  timeoutFactor: 2,
  dryRunTimeoutMinutes: 20,
  // Stryker's step for tsconfig.json does not know TypeScript 7, and Node needs neither.
  disableTypeChecks: false,
  tsconfigFile: 'none.json',
  ignorePatterns: ['.data', '.env', '*.log', 'coverage', 'docs', 'bench', 'test/slow', 'reports'],
  reporters: ['progress-append-only', 'clear-text', 'json'],
  allowConsoleColors: false,
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportScoreTable: false },
  jsonReporter: { fileName: MUTATION_REPORT },
};
