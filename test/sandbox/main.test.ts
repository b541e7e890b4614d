import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { startSandbox } from '../../sandbox/index.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';

const main = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url));

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...PROGRAM_ENV, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text));
  return { child, output: () => output };
}

describe('npm run sandbox', () => {
  it('prints its URL and stops on SIGTERM', async () => {
    const { child, output } = start({ SANDBOX_PORT: '0', SERVER_URL: 'http://localhost:4001' });
    const [message] = await once(child, 'message');
    expect(message).toEqual({ type: 'ready', url: expect.stringMatching(/^http:\/\/localhost:\d+$/) });
    const settings = await (await fetch(`${message.url}/_sandbox/app`)).json();
    expect(settings).toMatchObject({ serverUrl: 'http://localhost:4001' });
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(output()).toContain(message.url);
  });

  it('reports in one sentence that the port is taken', async () => {
    const sandbox = await startSandbox({ port: 0 });
    try {
      const { child, output } = start({ SANDBOX_PORT: String(sandbox.port) });
      expect(await once(child, 'close')).toEqual([1, null]);
      expect(output().trim()).toBe(
        `Port ${sandbox.port} is taken. Stop what uses it, or set SANDBOX_PORT to another one.`,
      );
    } finally {
      await sandbox.close();
    }
  });
});
