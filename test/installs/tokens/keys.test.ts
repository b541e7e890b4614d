import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Context } from '../../../app/context.ts';
import { hubspotCommand } from '../../cli/hubspot-command.ts';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { addInstalls } from './add-installs.ts';
import { BOTH_RING, keyIds, NEW_RING, OLD_RING, startLoad, WRONG_RING, withKeys } from './key-load.ts';

const INSTALLS = 500;

describe('stored tokens', () => {
  let world: World | undefined;
  let opened: Context[] = [];

  beforeEach(close);
  afterAll(close);

  async function close() {
    for (const ctx of opened) await ctx.close();
    opened = [];
    await world?.close();
    world = undefined;
  }

  /** A server that has worked with the old key, with so many installs. */
  async function begin(count: number) {
    world = await startWorld({ settings: { TOKEN_KEYS: OLD_RING } });
    await world.ctx.services.keys.check();
    return { world, portals: await addInstalls(world, { from: 8_000_000, count }) };
  }

  function started(tokenKeys: string): Context {
    if (!world) throw new Error('no world');
    const ctx = withKeys(world, tokenKeys);
    opened.push(ctx);
    return ctx;
  }

  it('are encrypted with the new key while calls and refreshes go on', async () => {
    const { world, portals } = await begin(INSTALLS);
    expect(await keyIds(world.ctx)).toEqual({ old: 2 * INSTALLS + 1 });
    const servers = [started(BOTH_RING), started(BOTH_RING)];
    for (const server of servers) await server.services.keys.check();
    const operator = started(BOTH_RING);
    const load = startLoad(servers, portals);
    const goesOn = (from: number) => until('refreshes to go on', () => load.done.refreshes > from + 5);
    await goesOn(0);
    expect(await operator.services.keys.toRotate()).toBeGreaterThan(INSTALLS / 2);

    const progress: number[] = [];
    const { written, retired } = await operator.services.keys.rotate((at) => progress.push(at));
    await goesOn(load.done.refreshes);
    expect((await load.stop()).failures).toEqual([]);
    expect(retired).toEqual(['old']);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(written);
    expect(await keyIds(operator)).toEqual({ new: 2 * INSTALLS + 1 });
    expect(await operator.services.keys.toRotate()).toBe(0);

    const after = started(NEW_RING);
    await after.services.keys.check();
    for (const portalId of portals) await after.services.tokens.accessTokenFor(portalId);
    await after.services.tokens.refreshNow(portals[0] ?? 0);
  });

  it('are found by a rotation that was stopped and started again', async () => {
    const { portals } = await begin(INSTALLS);
    const operator = started(BOTH_RING);
    await operator.services.keys.check();
    const stopped = operator.services.keys.rotate((at) => {
      if (at > 300) throw new Error('stopped');
    });
    await expect(stopped).rejects.toThrow('stopped');
    const left = await operator.services.keys.toRotate();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(INSTALLS);
    // Both keys are needed in between, and either start says so.
    await started(BOTH_RING).services.keys.check();
    await expect(started(NEW_RING).services.keys.check()).rejects.toThrow('TOKEN_KEYS has no key "old"');
    for (const portalId of portals) await operator.services.tokens.accessTokenFor(portalId);

    expect((await operator.services.keys.rotate(() => {})).written).toBe(left);
    expect(await keyIds(operator)).toEqual({ new: 2 * INSTALLS + 1 });
    expect((await operator.services.keys.rotate(() => {})).written).toBe(0);
  });

  it('are encrypted with the newest key after two rotations at once', async () => {
    await begin(INSTALLS);
    const operators = [started(BOTH_RING), started(BOTH_RING)];
    for (const { services } of operators) await services.keys.check();
    await Promise.all(operators.map(({ services }) => services.keys.rotate(() => {})));
    expect(await keyIds(started(NEW_RING))).toEqual({ new: 2 * INSTALLS + 1 });
  });

  it.each([
    { what: 'the key is missing', ring: NEW_RING, says: 'TOKEN_KEYS has no key "old"' },
    {
      what: 'another key has its name',
      ring: WRONG_RING,
      says: 'The key "old" in TOKEN_KEYS is not the key',
    },
  ])('prevent the start of web and worker when $what', async ({ ring, says }) => {
    const { world } = await begin(1);
    const ids = await keyIds(world.ctx);
    await expect(started(ring).services.keys.check()).rejects.toThrow(says);
    for (const file of ['app/server.ts', 'app/worker.ts']) {
      const start = startProcess(file, { ...world.settings, TOKEN_KEYS: ring, PORT: '0' });
      const problem = await start.catch((error: Error) => error.message);
      expect(problem).toContain(says);
      expect(problem).not.toContain(ring.split(':')[1]);
    }
    expect((await keyIds(world.ctx)).old).toBe(ids.old);
    await started(OLD_RING).services.keys.check();
    await started(`${OLD_RING},unused:${Buffer.alloc(32, 9).toString('base64url')}`).services.keys.check();
  });

  it('that use a retired key prevent the start of web and worker without it', async () => {
    const { world, portals } = await begin(2);
    const operator = started(BOTH_RING);
    await operator.services.keys.check();
    const late = started(OLD_RING);
    expect((await operator.services.keys.rotate(() => {})).retired).toEqual(['old']);
    const [portalId = 0] = portals;
    await addInstalls({ ...world, ctx: late }, { from: portalId });
    await started(NEW_RING).services.keys.check();
    for (const file of ['app/server.ts', 'app/worker.ts']) {
      const start = startProcess(file, { ...world.settings, TOKEN_KEYS: NEW_RING, PORT: '0' });
      expect(await start.catch((error: Error) => error.message)).toContain('"old" (installs: 1)');
    }
    const mended = started(BOTH_RING);
    await mended.services.keys.checkAtStart();
    await mended.services.keys.rotate(() => {});
    await started(NEW_RING).services.keys.checkAtStart();
  });

  it('do not open in another row or column', async () => {
    const { world, portals } = await begin(2);
    const [one = 0, other = 0] = portals;
    const read = (portalId: number) => world.ctx.installs.tokenStore.find(world.ctx.pool, portalId);
    const columns = ['access_token', 'refresh_token'] as const;
    const sealed = async (portalId: number) => {
      const { rows } = await world.ctx.pool.query(
        'select access_token, refresh_token from installs where portal_id = $1',
        [portalId],
      );
      return rows[0] as Record<(typeof columns)[number], string>;
    };
    const put = (portalId: number, values: Record<(typeof columns)[number], string>) =>
      world.ctx.pool.query('update installs set access_token = $2, refresh_token = $3 where portal_id = $1', [
        portalId,
        values.access_token,
        values.refresh_token,
      ]);
    const [mine, theirs] = [await sealed(one), await sealed(other)];
    const [first, second] = [await read(one), await read(other)];

    for (const column of columns) {
      await put(one, { ...mine, [column]: theirs[column] });
      await expect(read(one)).rejects.toMatchObject({ name: 'DecryptionError' });
      // A caller learns nothing of it.
      const answer = await world.apiRequest('GET', `/hubid/${one}/contact/x@example.com`);
      const { text } = answer;
      expect([answer.status, JSON.parse(text).error.code]).toEqual([500, 'internal_error']);
      expect(text).not.toContain(theirs[column]);
    }
    for (const values of [
      { access_token: mine.refresh_token, refresh_token: mine.refresh_token },
      { access_token: mine.access_token, refresh_token: mine.access_token },
      { access_token: mine.refresh_token, refresh_token: mine.access_token },
      theirs,
    ]) {
      await put(one, values);
      await expect(read(one)).rejects.toMatchObject({ name: 'DecryptionError' });
    }
    await put(one, mine);
    expect([first?.portalId, await read(one), await read(other)]).toEqual([one, first, second]);
  });

  it('that do not open are reported by a rotation, which re-encrypts the others and keeps the older key', async () => {
    const { world, portals } = await begin(3);
    const [broken = 0] = portals;
    const value = 'v1.old.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    await world.ctx.pool.query('update installs set access_token = $2 where portal_id = $1', [broken, value]);
    const settings = { ...world.settings, TOKEN_KEYS: BOTH_RING };
    const answer = await hubspotCommand(settings, 'keys', 'rotate');
    expect(answer.code).toBe(1);
    expect(answer.output).toContain('The tokens of 2 installs were re-encrypted.');
    expect(answer.errors).toContain(`No key decrypts the tokens of portal ${broken}`);
    expect(answer.errors).not.toContain('AAAA');

    const { rows } = await world.ctx.pool.query('select access_token from installs where portal_id = $1', [
      broken,
    ]);
    expect(rows).toEqual([{ access_token: value }]);
    await expect(started(NEW_RING).services.keys.check()).rejects.toThrow('TOKEN_KEYS has no key "old"');
    await addInstalls(world, { from: broken });
    expect(await hubspotCommand(settings, 'keys', 'rotate')).toMatchObject({ code: 0 });
    await started(NEW_RING).services.keys.check();
  });

  it('end a rotation with the reason while another process writes with the older key', async () => {
    const { world, portals } = await begin(20);
    const operator = started(BOTH_RING);
    await operator.services.keys.check();
    // As a process that was not restarted does it: what was encrypted again is overwritten at once.
    await world.ctx.pool.query(
      `create function write_with_older_key() returns trigger language plpgsql as $$
       begin new.access_token := old.access_token; return new; end $$;
       create trigger older before update on installs for each row execute function write_with_older_key()`,
    );
    await expect(operator.services.keys.rotate(() => {})).rejects.toThrow(
      /Another process still writes with an older key \(old\)/,
    );
    await started(BOTH_RING).services.keys.check();
    await operator.services.tokens.accessTokenFor(portals[0] ?? 0);
  });

  it('that do not open do not stop the sweep', async () => {
    const { world, portals } = await begin(3);
    await world.ctx.pool.query(
      `update installs set refresh_due_at = now() - interval '1 minute' where portal_id = any($1)`,
      [portals],
    );
    await world.ctx.pool.query(
      `update installs set access_token = 'v1.old.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' where portal_id = $1`,
      [portals[0]],
    );
    await world.ctx.installs.sweep({ stopping: () => false, longestMs: 240_000 });
    const { rows } = await world.ctx.pool.query('select portal_id from installs where token_version > 1');
    expect(rows.map(({ portal_id }) => portal_id).sort()).toEqual(portals.slice(1));
  });
});
