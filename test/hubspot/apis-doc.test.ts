import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../app/cli/crm.ts';
import { apiPaths } from '../../app/hubspot/api-paths.ts';
import { createOAuthApi } from '../../app/hubspot/oauth.ts';
import { portalApis } from '../../app/hubspot/portal-apis.ts';
import { runInProcess } from '../cli/in-process.ts';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';

const FILE = path.join(import.meta.dirname, '../../docs/apis.md');
const cells = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

const table = (await readFile(FILE, 'utf8')).split('\n').filter((line) => /^\| \d+ /.test(line));
const rows = table.map((line) => {
  const [chapter = '', script = '', before = '', endpoint = '', method = '', command = '', until = ''] =
    cells(line);
  const plain = (cell: string) => (cell === '–' ? '' : cell.replaceAll('`', ''));
  const [, verb = '', path = '', query = ''] = /^([A-Z]+) (\/[^?]*)\??(.*)$/.exec(plain(endpoint)) ?? [];
  return {
    title: `chapter ${chapter}, ${plain(script) || plain(before)}: ${plain(command) || plain(method) || plain(endpoint)}`,
    chapter: Number(chapter),
    endpoint: { verb, path, query },
    method: plain(method),
    command: plain(command),
    until: plain(until),
  };
});

/** What the guide has in these chapters, by its own count. */
const SCRIPTS = { 2: 7, 3: 5, 4: 5, 5: 5, 6: 4, 7: 2 };

describe('docs/apis.md', () => {
  let world: CrmWorld;
  /** Of each group, the id that its last `create` printed. */
  const made = new Map<string, string>();
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  it('has every script of the chapters 2 to 7', () => {
    const count = (chapter: string) =>
      table.filter((line) => new RegExp(`^\\| *${chapter} *\\|`).test(line) && /`\w+\.js \w+`/.test(line))
        .length;
    const counted = Object.fromEntries(Object.keys(SCRIPTS).map((chapter) => [chapter, count(chapter)]));
    expect(counted).toEqual(SCRIPTS);
  });

  it('has a method, a command and an end of support in each row of these chapters', () => {
    const incomplete = rows.filter(
      ({ chapter, method, command, until }) => chapter <= 7 && !(method && command && until),
    );
    expect(incomplete).toEqual([]);
  });

  it.each(rows.filter(({ method }) => method))('$title: the method exists', ({ method }) => {
    const send = async () => undefined;
    const apis: unknown = {
      ...portalApis(send),
      oauth: createOAuthApi(send, { clientId: '', clientSecret: '', redirectUri: '' }),
    };
    const found = method
      .split('.')
      .reduce((api, name) => (api as Record<string, unknown> | undefined)?.[name], apis);
    expect(typeof found).toBe('function');
  });

  it.each(rows.filter(({ until }) => until))('$title: path and date are those of api-paths.ts', (row) => {
    const areas = Object.values(apiPaths).filter(
      ({ path }) => row.endpoint.path === path || row.endpoint.path.startsWith(`${path}/`),
    );
    expect([...new Set(areas.map(({ unsupportedFrom }) => unsupportedFrom))]).toEqual([row.until]);
  });

  it.each(rows.filter(({ command }) => command))('$title: runs and calls that endpoint', async (row) => {
    const args = [...row.command.matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, word]) => quoted ?? word ?? '',
    );
    const [group = '', verb] = args;
    const line = args.map((arg) => arg.replace('<id>', made.get(group) ?? 'none'));
    let output = '';
    const requests = await world.requestsOf(async () => {
      const run = await runInProcess(world.ctx, crmCommands, ...line, '--json');
      if (run.problem) throw run.problem;
      output = run.output;
    });
    if (verb === 'create' && group !== 'associations') made.set(group, JSON.parse(output).id);
    const { verb: method, path, query } = row.endpoint;
    const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
    const called = requests.filter((sent) => sent.method === method && pattern.test(sent.path));
    expect(called).toHaveLength(1);
    expect(called[0]?.status).toBeLessThan(300);
    expect(called[0]?.query).toMatchObject(Object.fromEntries(new URLSearchParams(query)));
  });
});
