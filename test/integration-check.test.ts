import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineAppEvent, defineIntegration, defineJob, type Integration } from '#app';
import { checkIntegration } from '../app/integration-check.ts';
import { startProcess } from './helpers/processes.ts';
import { testSettings } from './helpers/settings.ts';

const sweep = defineJob({ name: 'sweep', async run() {} });
const report = defineJob({ name: 'report', payload: z.object({ day: z.string() }), async run() {} });
const event = defineAppEvent({ name: 'order', objectType: 'DEAL', properties: {} });
const good = defineIntegration({
  name: 'Test App',
  scopes: ['oauth'],
  jobs: [sweep, report],
  appEvents: [event],
  schedule: [
    { job: sweep, cron: '0 6 * * 1-5' },
    { job: report, cron: '*/10 * * * * *', payload: { day: 'today' } },
  ],
});

describe('an integration', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-project-'));
    await mkdir(path.join(folder, 'app-events'));
    await writeFile(path.join(folder, 'app-events', 'order-hsmeta.json'), '{"uid": "order"}');
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function projectFile(content: string): Promise<string> {
    const file = path.join(folder, 'app-hsmeta.json');
    await writeFile(file, content);
    return file;
  }
  const declaring = (auth: object) => projectFile(JSON.stringify({ config: { auth } }));

  /** @param change of any form, as in JavaScript. */
  async function problem(change: object, file?: string): Promise<string> {
    const projectFile = file ?? (await declaring({ requiredScopes: ['oauth'] }));
    return checkIntegration({ ...good, ...change } as Integration, projectFile).then(
      () => '',
      (error: Error) => error.message,
    );
  }

  it('that is valid is accepted', async () => {
    expect(await problem({})).toBe('');
  });

  it.each<[string, object, string]>([
    ['it has no name', { name: '' }, 'name: the integration has no name.'],
    [
      'two jobs share a name',
      { jobs: [sweep, report, { ...sweep }] },
      'number 3 are all called sweep; each needs a name of its own.',
    ],
    ['a job has no run', { jobs: [sweep, report, { name: 'odd' }] }, 'job odd: run is not a function.'],
    [
      'a payload is no schema',
      { jobs: [sweep, report, { ...sweep, name: 'odd', payload: {} }] },
      'job odd: payload is not a schema, such as one of zod.',
    ],
    [
      'a job is never tried',
      { jobs: [sweep, report, { ...sweep, name: 'odd', maxAttempts: 0 }] },
      'job odd: maxAttempts is less than 1.',
    ],
    [
      'an app event is for no such object type',
      { appEvents: [{ ...event, objectType: 'PRODUCT' }] },
      'app event order: objectType is not CONTACT, COMPANY, DEAL or TICKET.',
    ],
    ['two app events share a name', { appEvents: [event, { ...event }] }, 'are all called order'],
    [
      'a scheduled job is not among the jobs',
      { jobs: [report] },
      'schedule number 1 (sweep): its job is not in `jobs`, so nothing would run it.',
    ],
    [
      'a cron line is none',
      { schedule: [{ job: sweep, cron: '61 * * * *' }] },
      'schedule number 1 (sweep): "61 * * * *" is not a cron line, such as 0 6 * * 1-5.',
    ],
    [
      'a scheduled payload does not fit',
      { schedule: [{ job: report, cron: '0 6 * * *', payload: { day: 1 } }] },
      'schedule number 1 (report): The payload of the job report does not fit: day: ',
    ],
  ])('is rejected when %s', async (_what, change, expected) => {
    expect(await problem(change)).toContain(expected);
  });

  it('may ask for required, optional and conditionally required scopes of the project', async () => {
    const file = await declaring({
      requiredScopes: ['oauth', 'unused'],
      optionalScopes: ['tickets'],
      conditionallyRequiredScopes: ['content'],
    });
    expect(await problem({ scopes: ['oauth', 'content'], optionalScopes: ['tickets'] }, file)).toBe('');
  });

  it('with a scope that the project does not declare is rejected, naming both files', async () => {
    const file = await declaring({ requiredScopes: ['oauth'] });
    expect(await problem({ optionalScopes: ['tickets'] }, file)).toContain(
      `integration/index.ts requests the scope tickets, which ${file} does not declare`,
    );
  });

  it('with an app event that the project does not declare is rejected', async () => {
    const event = { name: 'deal-signed', objectType: 'DEAL', properties: {} };
    expect(await problem({ appEvents: [event] })).toContain(
      `app event deal-signed: no file in ${path.join(folder, 'app-events')} has this uid`,
    );
  });

  it('with a scope that is unknown everywhere is rejected, suggesting to correct its name', async () => {
    const file = await declaring({ requiredScopes: ['oauth'] });
    expect(await problem({ scopes: ['oauth', 'tickts'] }, file)).toContain(
      `requests the scope tickts, which neither HubSpot documents nor ${file} declares`,
    );
  });

  it.each([
    ['is not JSON', '{\n  "config": }', /:2:13 is not JSON: Unexpected token '}'/],
    ['ends too early', '{\n  "config": {', /:2:14 is not JSON: Expected property name or '}'/],
    [
      'has no scopes',
      '{"config": {"auth": {}}}',
      / is not valid for HubSpot: config\.auth\.requiredScopes: /,
    ],
  ])('with a project file that %s is rejected, naming the file', async (_what, content, expected) => {
    const file = await projectFile(content);
    const message = await problem({}, file);
    expect(message).toMatch(expected);
    expect(message).toContain(file);
  });

  it('with a missing project file is rejected, naming the file', async () => {
    const missing = path.join(folder, 'none', 'app-hsmeta.json');
    expect(await problem({}, missing)).toContain(`${missing} cannot be read: ENOENT`);
  });
});

it.each(['app/server.ts', 'app/worker.ts'])(
  'an invalid integration prevents the start of %s',
  async (program) => {
    const settings = {
      ...testSettings({
        databaseUrl: 'postgres://localhost:1/none',
        serverUrl: 'http://localhost:1',
        sandboxUrl: 'http://localhost:1',
      }),
      HUBSPOT_SCOPES: 'oauth typo.in.scope',
      LOG_LEVEL: 'warn',
      TEST_INTEGRATION: 'broken',
    };
    const message = await startProcess(program, settings).then(
      () => 'it started',
      (error: Error) => error.message,
    );
    const file = 'test/fixtures/broken/integration.ts';
    for (const sentence of [
      `jobs number 1 (${file}:3) and number 2 (${file}:4) are all called sweep`,
      `${file}:5: job two words: name has to be 1 to 80 letters, digits, - and _.`,
      `${file}:6: app event order!: name has to be`,
      'schedule number 1 (sweep): "at noon" is not a cron line',
      'integration/index.ts requests the scope a.scope.of.nobody, which ',
      'HubSpot documents no such scopes',
      'typo.in.scope',
    ])
      expect(message).toContain(sentence);
  },
);
