export interface Group {
  readonly mutate: string;
  /** Those that have to notice. Few and fast ones: each mutant loads all of these files. */
  readonly tests: readonly string[];
}

const CLIENT = ['test/hubspot/client/errors.test.ts', 'test/hubspot/client/retries.test.ts'];
const WORKER = ['test/webhooks/pipeline/handlers*.test.ts', 'test/webhooks/pipeline/{order,imports}.test.ts'];

/** What mutation tests mutate, in groups of files with the tests that are about them. */
export const AREAS: Readonly<Record<string, readonly Group[]>> = {
  verification: [
    { mutate: 'app/http/signature/signature.ts', tests: ['test/http/signature/signature.test.ts'] },
    { mutate: 'app/cards/page-ticket.ts', tests: ['test/cards/page-ticket.test.ts'] },
    {
      mutate: 'app/http/signature/explain/separable.ts',
      tests: ['test/http/signature/explain/separable.test.ts'],
    },
    {
      mutate: 'app/http/signature/explain/diagnose.ts',
      tests: ['test/http/signature/explain/diagnose*.test.ts'],
    },
    {
      mutate: 'app/installs/{return-url,oauth-state,browser-cookie}.ts',
      tests: ['test/installs/return-url.test.ts', 'test/installs/{oauth-state,browser-cookie}.test.ts'],
    },
    {
      mutate: 'app/http/signature/{signed-request,signed-forms,raw-body}.ts',
      tests: ['test/cards/card-actions.test.ts', 'test/webhooks/pipeline/receiver.test.ts'],
    },
  ],
  client: [
    {
      mutate: 'app/hubspot/client/{errors,error-body,answer}.ts',
      tests: ['test/hubspot/client/error-words.test.ts'],
    },
    { mutate: 'app/hubspot/client/batch.ts', tests: ['test/hubspot/client/batches.test.ts'] },
    {
      mutate: 'app/hubspot/client/{call-budget,budget}.ts',
      tests: ['test/hubspot/client/call-budget.test.ts', 'test/hubspot/client/call-priority.test.ts'],
    },
    { mutate: 'app/hubspot/client/{http,portal-send,retry}.ts', tests: CLIENT },
  ],
  tokens: [
    { mutate: 'app/installs/tokens/recent-tokens.ts', tests: ['test/installs/tokens/recent-tokens.test.ts'] },
    {
      mutate:
        'app/installs/{alarms,tokens/{service,stored-tokens,token-answer,refresh,refresh-decision,refresh-failure,refresh-timing}}.ts',
      tests: [
        'test/installs/tokens/{install-ended,app-misconfigured,refresh,refresh-refused,transient-failures,token-answer}.test.ts',
      ],
    },
    { mutate: 'app/installs/tokens/sweep.ts', tests: ['test/installs/tokens/sweep.test.ts'] },
  ],
  webhooks: [
    { mutate: 'app/webhooks/pipeline/retry.ts', tests: ['test/webhooks/pipeline/retry.test.ts'] },
    {
      mutate: 'app/webhooks/event/*.ts',
      tests: ['test/webhooks/event/{events,handler-events,associations,invalid-events}.test.ts'],
    },
    { mutate: 'app/webhooks/pipeline/receiver.ts', tests: ['test/webhooks/pipeline/receiver.test.ts'] },
    {
      mutate: 'app/webhooks/{ledger/service,subscriptions/service,subscriptions/project-file}.ts',
      tests: ['test/cli/webhook-*.test.ts'],
    },
    {
      mutate: 'app/webhooks/{dispatcher,handler,pipeline/{splitter,portion,lane-runner,lanes,backlog}}.ts',
      tests: WORKER,
    },
  ],
};
