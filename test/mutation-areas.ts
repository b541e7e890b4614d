export interface Group {
  readonly mutate: string;
  /** Those that have to notice. Few and fast ones: each mutant loads all of these files. */
  readonly tests: readonly string[];
}

const CLIENT = ['test/hubspot/errors.test.ts', 'test/hubspot/retries.test.ts'];
const WORKER = ['test/webhooks/handlers.test.ts', 'test/webhooks/order.test.ts'];

/** What mutation tests mutate, in groups of files with the tests that are about them. */
export const AREAS: Readonly<Record<string, readonly Group[]>> = {
  verification: [
    { mutate: 'app/verification/signature.ts', tests: ['test/verification/signature.test.ts'] },
    { mutate: 'app/verification/page-ticket.ts', tests: ['test/verification/page-ticket.test.ts'] },
    { mutate: 'app/verification/separable.ts', tests: ['test/verification/separable.test.ts'] },
    { mutate: 'app/verification/diagnose.ts', tests: ['test/verification/diagnose*.test.ts'] },
    {
      mutate: 'app/verification/{return-url,oauth-state,browser-cookie}.ts',
      tests: ['test/installs/return-url.test.ts', 'test/verification/{oauth-state,browser-cookie}.test.ts'],
    },
    {
      mutate: 'app/verification/{signed-request,signed-forms,raw-body}.ts',
      tests: ['test/controllers/card-actions.test.ts', 'test/webhooks/receiver.test.ts'],
    },
  ],
  client: [
    { mutate: 'app/hubspot/{errors,error-body,answer}.ts', tests: ['test/hubspot/error-words.test.ts'] },
    { mutate: 'app/hubspot/batch.ts', tests: ['test/hubspot/batches.test.ts'] },
    {
      mutate: 'app/{services/call-budget,hubspot/budget}.ts',
      tests: ['test/hubspot/call-budget.test.ts', 'test/hubspot/call-priority.test.ts'],
    },
    { mutate: 'app/hubspot/{http,portal-send,retry}.ts', tests: CLIENT },
  ],
  tokens: [
    { mutate: 'app/services/recent-tokens.ts', tests: ['test/tokens/recent-tokens.test.ts'] },
    {
      mutate: 'app/services/{token-service,refresh-timing,install-alarms}.ts',
      tests: ['test/tokens/failures.test.ts'],
    },
    { mutate: 'app/jobs/refresh-expiring-tokens.ts', tests: ['test/tokens/sweep.test.ts'] },
  ],
  webhooks: [
    { mutate: 'app/services/webhook-retry.ts', tests: ['test/webhooks/retry.test.ts'] },
    {
      mutate: 'app/services/webhook-event*.ts',
      tests: ['test/webhooks/{events,associations,invalid-events}.test.ts'],
    },
    { mutate: 'app/services/webhook-receiver.ts', tests: ['test/webhooks/receiver.test.ts'] },
    {
      mutate: 'app/services/webhook-{ledger,subscriptions,project-file}.ts',
      tests: ['test/cli/webhook-*.test.ts'],
    },
    {
      mutate: 'app/{services/webhook-{dispatcher,splitter,lane-runner,lanes,backlog},webhooks/handler}.ts',
      tests: WORKER,
    },
  ],
};
