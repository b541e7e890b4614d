import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import dotenv from 'dotenv';
import { freePort } from '../helpers/processes.ts';
import { copyProduct } from '../helpers/product-copy.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';
import { until } from '../helpers/until.ts';

describe('in a folder whose path has spaces, Japanese letters and characters of URLs, globs and shells', () => {
  let temporary: string;
  let folder: string;
  let appUrl: string;
  let sandboxUrl: string;
  let start: ChildProcessWithoutNullStreams;
  let printed = '';

  beforeAll(async () => {
    temporary = await mkdtemp(path.join(tmpdir(), 'hubspot-app-folder-'));
    // Where root runs the tests, PostgreSQL runs as another user, who has to get in.
    await chmod(temporary, 0o755);
    folder = path.join(temporary, `.it's 100%25 #1? [a] (b)`, '作業 フォルダ');
    await copyProduct(folder);
    const [port, sandboxPort] = [await freePort(), await freePort()];
    [appUrl, sandboxUrl] = [`http://localhost:${port}`, `http://localhost:${sandboxPort}`];
    start = run('scripts/start.ts', [], { PORT: String(port), SANDBOX_PORT: String(sandboxPort) });
    for (const stream of [start.stdout, start.stderr]) stream.on('data', (chunk) => (printed += chunk));
    const ready = () => {
      if (start.exitCode !== null) throw new Error(`It ended:\n${printed}`);
      return printed.includes('Ctrl-C stops everything');
    };
    await until('it to be ready', ready, 120);
  }, 180_000);

  afterAll(async () => {
    if (start.exitCode === null) {
      start.kill('SIGINT');
      await once(start, 'exit');
    }
    await rm(temporary, { recursive: true });
  });

  it.each<[string, () => string]>([
    ['app', () => appUrl],
    ['sandbox', () => sandboxUrl],
  ])('the %s serves its pages, stylesheets and scripts', async (_name, url) => {
    const page = await fetch(url());
    expect(page.status).toBe(200);
    const files = [...(await page.text()).matchAll(/(?:href|src)="([^"]+\.(?:css|js|svg))"/g)].map(
      ([, file = '']) => file,
    );
    expect(files.filter((file) => file.endsWith('.css')).length).toBeGreaterThan(1);
    const answers = await Promise.all(files.map((file) => fetch(new URL(file, url()))));
    expect(answers.map(({ status, url }) => [url, status])).toEqual(answers.map(({ url }) => [url, 200]));
  });

  it('the database is up to date', async () => {
    expect((await fetch(`${appUrl}/readyz`)).status).toBe(200);
    const { DATABASE_URL = '' } = dotenv.parse(await readFile(path.join(folder, '.data', 'running.env')));
    const migration = run('app/migrate.ts', [], { DATABASE_URL });
    expect(await outcomeOf(migration)).toEqual([0, 'The database is up to date.\n', '']);
  });

  it('the app is not ready until the vendor’s new migration has run', async () => {
    const migrations = path.join(folder, 'integration', 'migrations');
    await mkdir(migrations, { recursive: true });
    await writeFile(path.join(migrations, '0001_orders.sql'), 'create table orders (id bigint);');
    const readiness = async () => {
      const answer = await fetch(`${appUrl}/readyz`);
      const { checks } = (await answer.json()) as { checks: { migrations: string } };
      return [answer.status, checks.migrations];
    };
    // The answer is cached for a second.
    const becomes = (wanted: [number, string]) =>
      until(`/readyz to report "${wanted[1]}"`, async () => isDeepStrictEqual(await readiness(), wanted));
    await becomes([503, '1 to run: npm run migrate']);
    const { DATABASE_URL = '' } = dotenv.parse(await readFile(path.join(folder, '.data', 'running.env')));
    const migration = run('app/migrate.ts', [], { DATABASE_URL });
    expect(await outcomeOf(migration)).toEqual([0, 'Migrated: integration/migrations/0001_orders\n', '']);
    await becomes([200, 'ok']);
  });

  it('a command finds the server that runs there, and reads its project', async () => {
    expect(await outcomeOf(run('app/cli/main.ts', ['--json', 'installs', 'list']))).toEqual([0, '[]\n', '']);
    const project = run('app/cli/main.ts', ['--json', 'webhooks', 'subscriptions', '--project']);
    const [code, output, errors] = await outcomeOf(project);
    expect([code, errors]).toEqual([0, '']);
    expect(JSON.parse(output).file).toBe(
      path.join(folder, 'hubspot-project/src/app/webhooks/webhooks-hsmeta.json'),
    );
  });

  /** Starts one of the product's programs there, as npm does. */
  function run(file: string, args: string[] = [], settings: Record<string, string> = {}) {
    const env = { ...PROGRAM_ENV, ...settings };
    return spawn(process.execPath, [path.join(folder, file), ...args], { env, cwd: folder });
  }
});

async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<[number, string, string]> {
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return [code, output, errors];
}
