import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expectError } from '../helpers/expect-error.ts';
import { API_KEY } from '../helpers/settings.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from '../installs/tokens/add-installs.ts';

const ONE = 7_000_001;
const OTHER = 7_000_002;

describe('an API key', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await addInstalls(world, { from: ONE, count: 2 });
  });
  afterAll(() => world.close());

  const keys = () => world.ctx.services.apiKeys;
  const call = async (key: string, path: string, method = 'GET') =>
    world.request(method, path).auth(key, { type: 'bearer' });

  async function known(id: string) {
    const found = (await keys().list()).find((key) => key.id === id);
    if (!found) throw new Error(`no key ${id}`);
    return found;
  }

  it('allows the routes of every portal', async () => {
    const { key } = await keys().create('for all', null);
    expect(key).toMatch(/^hk_[A-Za-z0-9]{12}_[\w-]{43}$/);
    for (const portalId of [ONE, OTHER]) expect((await call(key, `/hubid/${portalId}`)).status).toBe(200);
    expect((await call(key, '/marketing-events/a/b')).status).toBe(404);
  });

  it('that is limited to a portal allows only its routes, and gets 403 for others', async () => {
    const { key } = await keys().create('for one', ONE);
    expect((await call(key, `/hubid/${ONE}`)).status).toBe(200);
    expect((await call(key, `/hubid/${ONE}/contact/x@example.com`)).status).toBe(404);
    for (const [method, path] of [
      ['GET', `/hubid/${OTHER}`],
      ['DELETE', `/hubid/${OTHER}`],
      ['GET', `/hubid/${OTHER}/contact/x@example.com`],
      ['POST', `/hubid/${OTHER}/contact/x@example.com`],
      ['PUT', `/hubid/${OTHER}/timeline/x@example.com`],
      ['GET', `/hubid/0${ONE}`],
      ['GET', '/marketing-events/a/b'],
    ] as const) {
      const message = await expectError(await call(key, path, method), 403, 'key_limited');
      expect(message).toContain(String(ONE));
    }
    expect((await world.ctx.installs.store.find(world.ctx.pool, OTHER))?.state).toBe('active');
  });

  it('is rejected as soon as it is revoked', async () => {
    const { id, key } = await keys().create('short-lived', null);
    expect((await call(key, `/hubid/${ONE}`)).status).toBe(200);
    expect(await keys().revoke(id)).toBe(true);
    await expectError(await call(key, `/hubid/${ONE}`), 401, 'unauthorized');
    expect(await keys().revoke(id)).toBe(false);
    expect(await keys().revoke('nothing')).toBe(false);
    expect((await known(id)).revokedAt).toBeInstanceOf(Date);
  });

  it('shows when it was last used, to the minute', async () => {
    const { id, key } = await keys().create('watched', ONE);
    expect((await known(id)).lastUsedAt).toBeNull();
    const before = Date.now();
    await call(key, `/hubid/${ONE}`);
    const { lastUsedAt } = await known(id);
    expect(lastUsedAt?.getTime()).toBeGreaterThanOrEqual(before - 5);
    expect(lastUsedAt?.getTime()).toBeLessThanOrEqual(Date.now() + 5);
    await call(key, `/hubid/${ONE}`);
    expect((await known(id)).lastUsedAt).toEqual(lastUsedAt);
    await world.ctx.pool.query(
      `update api_keys set last_used_at = now() - interval '61 seconds' where id = $1`,
      [id],
    );
    await call(key, `/hubid/${ONE}`);
    expect((await known(id)).lastUsedAt?.getTime()).toBeGreaterThanOrEqual(lastUsedAt?.getTime() ?? 0);
  });

  it('that is rejected changes nothing', async () => {
    const { id, key } = await keys().create('untouched', null);
    await call(key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A'), `/hubid/${ONE}`);
    expect((await known(id)).lastUsedAt).toBeNull();
  });

  it('is stored as a hash only', async () => {
    const { id, key } = await keys().create('secret', ONE);
    const secret = key.slice(`hk_${id}_`.length);
    const { rows } = await world.ctx.pool.query('select t::text as text from api_keys t');
    const everything = rows.map(({ text }) => text).join('\n');
    expect(everything).toContain(id);
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
    expect(everything).not.toContain(Buffer.from(secret).toString('hex'));
    expect(JSON.stringify(await keys().list())).not.toContain(secret);
    expect(everything).not.toContain(API_KEY);
  });

  it('is different each time', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => keys().create('many', null)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(50);
    expect(new Set(made.map(({ key }) => key.slice(-43))).size).toBe(50);
  });

  it('is rejected when it differs in any character', async () => {
    const { key } = await keys().create('genuine', null);
    const { key: other } = await keys().create('another', null);
    const near = fc.oneof(
      fc
        .nat(key.length - 1)
        .map((at) => key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1)),
      fc.nat(key.length).map((at) => key.slice(0, at)),
      fc.string({ minLength: 1, maxLength: 3 }).map((more) => key + more),
      fc.constantFrom(
        key.slice(0, 16) + other.slice(16),
        key.toUpperCase(),
        `${key}\0`,
        ` ${key}`,
        'hk__',
        '',
      ),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(near, async (candidate) => {
        fc.pre(candidate !== key);
        expect(await keys().accept(candidate)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
    expect(await keys().accept(key)).toEqual({ portalId: null });
  });
});
