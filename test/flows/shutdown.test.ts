import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SHUTDOWN } from '../../app/base/shutdown.ts';
import { type OwnPostgres, startOwnPostgres } from '../helpers/own-postgres.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';
import { testSettings } from '../helpers/settings.ts';
import { startSilentProxy } from '../helpers/silent-proxy.ts';
import { until } from '../helpers/until.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

/** A new connection to a database that does not answer is given up after this. */
const CONNECT_MS = 10_000;
const PROGRAMS = ['app/server.ts', 'app/worker.ts'];

describe('a process that is stopped', () => {
  let postgres: OwnPostgres;
  let settings: Record<string, string>;
  let port: number;

  beforeAll(async () => {
    postgres = await startOwnPostgres();
    port = await freePort();
    const serverUrl = `http://localhost:${port}`;
    settings = {
      ...testSettings({ databaseUrl: postgres.url, serverUrl, sandboxUrl: 'http://localhost:1' }),
      PORT: String(port),
      LOG_LEVEL: 'info',
    };
  });
  afterAll(() => postgres.remove());

  const isListening = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, 'localhost', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });

  it.each([
    ['npm run web', ['npm', 'run', 'web']],
    ['npm run worker', ['npm', 'run', 'worker']],
    ...['web', 'worker'].map((type): [string, string[]] => [`Procfile’s ${type}`, onHeroku(type)]),
  ])('leaves no process running when only %s gets SIGTERM', async (_, [command = '', ...args]) => {
    const started = spawn(command, args, {
      cwd: ROOT,
      // The Procfile's node is the one that runs this, as Heroku's is the one of package.json's engines.
      env: {
        ...process.env,
        ...PROGRAM_ENV,
        ...settings,
        PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    started.stdout.on('data', (chunk) => (output += chunk));
    started.stderr.on('data', (chunk) => (output += chunk));
    const ended = once(started, 'close');
    try {
      await until('the process to be ready', () => /"msg":"(?:listening|working)"/.test(output));
      started.kill('SIGTERM');
      // The output closes when the last process that writes to it is gone.
      await ended;
      expect(output).toContain('"msg":"stopped"');
      expect(await isListening()).toBe(false);
    } finally {
      killGroup(started.pid);
    }
  });

  it.each(PROGRAMS)(
    'exits with 0 at once when %s is idle and its database is unavailable',
    async (program) => {
      const running = await startProcess(program, settings);
      if (program === 'app/server.ts') await askReadiness();
      const before = running.output().length;
      await postgres.stop();
      try {
        // Which line it is depends on what the process did at that moment.
        await until('the loss to be logged', () => running.output().length > before);
        await expectPromptExit(running);
      } finally {
        await running.kill('SIGKILL');
        await postgres.start();
      }
    },
  );

  it.each(PROGRAMS)('exits with 0 at once when %s is idle and its database is frozen', async (program) => {
    const proxy = await startSilentProxy(postgres.url);
    const running = await startProcess(program, { ...settings, DATABASE_URL: proxy.url });
    try {
      if (program === 'app/server.ts') await askReadiness();
      proxy.fallSilent();
      await expectPromptExit(running);
    } finally {
      await running.kill('SIGKILL');
      await proxy.close();
    }
  });

  /** Opens a connection to the database. */
  async function askReadiness() {
    expect((await fetch(`http://localhost:${port}/readyz`)).status).toBe(200);
  }

  async function expectPromptExit(running: RunningProcess) {
    const began = performance.now();
    expect(await running.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(CONNECT_MS);
    expect(running.output()).not.toContain('work was');
  }
});

it('the time limit for work ends before that of the process, and that before Heroku’s', () => {
  const { workMs, processMs } = SHUTDOWN;
  // Between them jobs go back to the queue and connections are closed.
  expect(processMs - workMs).toBeGreaterThanOrEqual(5_000);
  expect(30_000 - processMs).toBeGreaterThanOrEqual(3_000);
});

it('a process whose work ends by itself prints that and exits with 1', async () => {
  const worker = await startProcess('test/helpers/ends-by-itself.ts', {});
  expect(await worker.ended).toEqual({ code: 1, signal: null });
  expect(worker.output()).toContain('worker: the work ended by itself');
});

/** A command of the Procfile, which has to start node itself: npm would cost a dyno 68 MB. */
function onHeroku(type: string): string[] {
  const procfile = readFileSync(path.join(ROOT, 'Procfile'), 'utf8');
  const [, command = ''] = new RegExp(`^${type}: (node .+)$`, 'm').exec(procfile) ?? [];
  expect(command).toContain('--max-old-space-size=');
  return command.split(' ');
}

/** Whatever npm has started and left, should the test fail. */
function killGroup(pid = 0): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}
