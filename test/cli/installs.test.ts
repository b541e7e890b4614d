import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installCommands } from '../../app/cli/installs.ts';
import { keyCommands } from '../../app/cli/keys.ts';
import { parseKeyRing } from '../../app/db/key-ring.ts';
import { LOCKS } from '../../app/db/session-locks.ts';
import { createDatabase } from '../helpers/database.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from '../installs/tokens/add-installs.ts';
import { hubspotCommand, hubspotJson } from './hubspot-command.ts';
import { jsonInProcess, runInProcess } from './in-process.ts';

const PORTAL = 5_100_001;

describe('hubspot installs', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld();
    await addInstalls(world, { from: PORTAL, count: 3 });
  });
  afterAll(() => world.close());

  const run = (...args: string[]) => jsonInProcess(world.ctx, [installCommands], 'installs', ...args);
  const command = (...args: string[]) => runInProcess(world.ctx, [installCommands], 'installs', ...args);
  const states = (shown: { history: { to: string; reason: string }[] }) =>
    shown.history.map(({ to, reason }) => `${to} (${reason})`);

  it('list shows each install with its state', async () => {
    expect(await hubspotJson(world.settings, 'installs', 'list')).toMatchObject([
      { portal: PORTAL, state: 'active', reason: 'installed' },
      { portal: PORTAL + 1, state: 'active', reason: 'installed' },
      { portal: PORTAL + 2, state: 'active', reason: 'installed' },
    ]);
    expect(await run('list', '--needs-consent')).toHaveLength(3);
    expect(await run('list', '--state', 'active')).toHaveLength(3);
    expect(await run('list', '--state', 'needs_reconnect')).toEqual([]);
    const { problem } = await command('list', '--state', 'broken');
    expect(problem?.message).toContain('needs_reconnect');
  });

  it('list shows which installs are being refreshed, and can filter by that', async () => {
    expect(await run('list', '--state', 'refreshing')).toEqual([]);
    const other = await world.ctx.pool.connect();
    try {
      const lock = [LOCKS.tokenRefresh, String(PORTAL + 1)];
      await other.query('select pg_advisory_lock($1, hashtext($2))', lock);
      expect(await run('list', '--state', 'refreshing')).toMatchObject([
        { portal: PORTAL + 1, state: 'refreshing' },
      ]);
      expect((await run('list')).map(({ state }: { state: string }) => state)).toEqual([
        'active',
        'refreshing',
        'active',
      ]);
    } finally {
      other.release(true);
    }
  });

  it('refresh gets a new token, which show --refreshes lists', async () => {
    const before = await run('show', `${PORTAL}`);
    expect(await run('refresh', `${PORTAL}`)).toMatchObject({ portal: PORTAL, state: 'active' });
    const after = await run('show', `${PORTAL}`);
    expect(after.history).toEqual(before.history);
    const entry = { from: null, to: 'active', reason: 'installed' };
    expect(after.history).toEqual([{ at: expect.stringMatching(/^\d{4}-.*Z$/), ...entry }]);
    expect(states(after)).toEqual(['active (installed)']);
    expect(states(await run('show', `${PORTAL}`, '--refreshes'))).toEqual([
      'active (installed)',
      'refreshing (asked for by an operator)',
      'active (refreshed)',
    ]);
  });

  it('show escapes terminal control characters', async () => {
    const odd = ['oauth', '\u001b[2Jcleared'];
    await world.ctx.pool.query('update installs set scopes = $2 where portal_id = $1', [PORTAL + 2, odd]);
    const { output } = await runInProcess(world.ctx, [installCommands], 'installs', 'show', `${PORTAL + 2}`);
    expect(output).toContain('oauth  [2Jcleared');
  });

  it('show prints a line for each entry of the history, below the fields', async () => {
    const args = ['installs', 'show', `${PORTAL}`, '--refreshes'];
    const { output } = await runInProcess(world.ctx, [installCommands], ...args);
    const [, history = ''] = output.split('\n\nHistory\n');
    expect(history.split('\n')).toEqual([
      expect.stringMatching(/^at +to +reason$/),
      expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z +active +installed$/),
      expect.stringMatching(/Z +refreshing +asked for by an operator$/),
      expect.stringMatching(/Z +active +refreshed$/),
    ]);
  });

  it.each([
    ['does not answer', { port: '1' }, 'The database does not answer: connect ECONNREFUSED'],
    ['has no address', { hostname: 'db.invalid' }, 'The database does not answer: getaddrinfo'],
  ])('reports that the database %s', async (_what, change: Record<string, string>, said) => {
    const url = Object.assign(new URL(world.database.url), change);
    const settings = { ...world.settings, DATABASE_URL: url.href };
    const { code, errors } = await hubspotCommand(settings, 'installs', 'list');
    expect([code, errors]).toEqual([1, expect.stringContaining(said)]);
  });

  it('reports that the database is not migrated', async () => {
    const empty = await createDatabase({ migrated: false });
    const settings = { ...world.settings, DATABASE_URL: empty.url };
    const { code, errors } = await hubspotCommand(settings, 'installs', 'list');
    expect([code, errors]).toEqual([1, 'The database is not migrated: run `npm run migrate` first.\n']);
    await empty.drop();
  });

  it('reconnect-link prints the URL for the customer', async () => {
    const { output } = await command('reconnect-link', `${PORTAL}`);
    expect(output.trim()).toBe(`${world.serverUrl}/install?portalId=${PORTAL}`);
  });

  it('disconnect ends the install and rejects an unknown portal', async () => {
    const { problem } = await command('disconnect', `${PORTAL + 1}`);
    expect(problem?.message).toMatch(/^This uninstalls the app .* Nothing was done: add --yes to confirm\.$/);
    expect((await run('show', `${PORTAL + 1}`)).state).toBe('active');
    await run('disconnect', `${PORTAL + 1}`, '--yes');
    const shown = await run('show', `${PORTAL + 1}`);
    expect(shown.state).toBe('uninstalled');
    expect(states(shown)).toEqual(['active (installed)', 'uninstalled (disconnected here)']);
    const local = ['installs', 'disconnect', `${PORTAL + 2}`, '--local', '--yes'];
    const { output } = await runInProcess(world.ctx, [installCommands], ...local);
    expect(output).toContain('HubSpot was not notified');
    for (const args of [['refresh'], ['disconnect', '--yes']])
      expect((await command(...args, '999')).problem?.message).toContain('999');
    const { code, errors } = await hubspotCommand(world.settings, 'installs', 'show', '999');
    expect([code, errors]).toEqual([1, expect.stringContaining('999')]);
    expect(errors).not.toContain('    at ');
  });

  describe('keys generate', () => {
    const generate = (...args: string[]) =>
      runInProcess(world.ctx, [keyCommands], 'keys', 'generate', ...args);

    it('generates valid keys for TOKEN_KEYS with unique names', async () => {
      const made = [await generate(), await generate(), await generate('--id', 'spring_2027')];
      const ring = parseKeyRing(made.map(({ output }) => output).join());
      expect(ring.map(({ id }) => id)).toEqual([
        expect.stringMatching(/^k\d{8}-\d+$/),
        expect.stringMatching(/^k\d{8}-\d+$/),
        'spring_2027',
      ]);
    });

    it.each(['a.b', '', 'x'.repeat(33), 'a b'])('rejects the name %p', async (id) => {
      expect((await generate('--id', id)).problem?.message).toContain('1 to 32 letters');
    });
  });
});
