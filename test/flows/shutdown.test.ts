import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OwnPostgres, startOwnPostgres } from '../helpers/own-postgres.ts';
import { freePort, startProcess } from '../helpers/processes.ts';
import { testSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

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

  it.each(['web', 'worker'])(
    'leaves nothing behind when SIGTERM reaches npm run %s alone',
    async (script) => {
      const npm = spawn('npm', ['run', script], {
        cwd: ROOT,
        env: { ...process.env, ...settings },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      let output = '';
      npm.stdout.on('data', (chunk) => (output += chunk));
      npm.stderr.on('data', (chunk) => (output += chunk));
      const ended = once(npm, 'close');
      try {
        await until('the process to be ready', () => /"msg":"(?:listening|working)"/.test(output));
        npm.kill('SIGTERM');
        // The output closes when the last process that writes to it is gone.
        await ended;
        expect(output).toContain('"msg":"stopped"');
        expect(await isListening()).toBe(false);
      } finally {
        killGroup(npm.pid);
      }
    },
  );

  it('exits with 0 and does not wait for a database that is away, when nothing is under way', async () => {
    const worker = await startProcess('app/worker.ts', settings);
    await postgres.stop();
    try {
      await until('the loss to be noticed', () => worker.output().includes('lost'));
      expect(await worker.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(worker.output()).not.toContain('cut off');
    } finally {
      await worker.kill('SIGKILL');
      await postgres.start();
    }
  });
});

it('a process whose work ends by itself says so and exits with 1', async () => {
  const worker = await startProcess('test/helpers/ends-by-itself.ts', {});
  expect(await worker.ended).toEqual({ code: 1, signal: null });
  expect(worker.output()).toContain('worker: the work ended by itself');
});

/** Whatever npm has started and left, should the test fail. */
function killGroup(pid = 0): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}
