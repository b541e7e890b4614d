import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Context } from '../../app/context.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from '../installs/tokens/add-installs.ts';
import { BOTH_RING, keyIds, NEW_RING, OLD_RING, startLoad, withKeys } from '../installs/tokens/key-load.ts';

const INSTALLS = 10_000;
const ROOT = path.join(import.meta.dirname, '..', '..');

describe('a rotation over 10,000 installs', () => {
  let world: World;
  let portals: number[];
  const opened: Context[] = [];

  beforeAll(async () => {
    world = await startWorld({ settings: { TOKEN_KEYS: OLD_RING } });
    await world.ctx.services.keys.check();
    portals = await addInstalls(world, { from: 9_000_000, count: INSTALLS });
  });
  afterAll(async () => {
    for (const ctx of opened) await ctx.close();
    await world.close();
  });

  function started(tokenKeys: string): Context {
    const ctx = withKeys(world, tokenKeys);
    opened.push(ctx);
    return ctx;
  }

  /** The command that an operator types. */
  function rotate() {
    const child = spawn(process.execPath, ['app/cli/main.ts', 'keys', 'rotate', '--json'], {
      cwd: ROOT,
      env: { ...PROGRAM_ENV, ...world.settings, TOKEN_KEYS: BOTH_RING },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const ended = once(child, 'exit').then(([code]) => ({ code: code as number | null, output }));
    return { child, ended };
  }

  it('leaves no value under the old key when it is killed and restarted during calls and refreshes', async () => {
    const servers = [started(BOTH_RING), started(BOTH_RING)];
    for (const server of servers) await server.services.keys.check();
    const load = startLoad(servers, portals);

    const first = rotate();
    await until('some to be written', async () => ((await keyIds(world.ctx)).new ?? 0) > 2_000);
    first.child.kill('SIGKILL');
    await first.ended;
    expect((await keyIds(world.ctx)).old).toBeGreaterThan(INSTALLS / 4);
    await expect(started(NEW_RING).services.keys.check()).rejects.toThrow('no key "old"');

    const before = { ...load.done };
    const second = await rotate().ended;
    expect([second.code, second.output]).toEqual([0, expect.stringContaining('old')]);
    const { reads, refreshes, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(reads).toBeGreaterThan(before.reads);
    expect(refreshes).toBeGreaterThan(before.refreshes);
    expect(await keyIds(world.ctx)).toEqual({ new: 2 * INSTALLS + 1 });

    const after = started(NEW_RING);
    await after.services.keys.check();
    for (const portalId of portals) await after.installs.tokenStore.find(after.pool, portalId);
    await after.services.tokens.refreshNow(portals[0] ?? 0);
  });
});
