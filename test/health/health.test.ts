import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectError } from '../helpers/expect-error.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from '../installs/tokens/add-installs.ts';

const PORTAL = 6_200_001;
const ALL_OK = { database: 'ok', migrations: 'ok', keyRing: 'ok', queue: 'ok', deliveries: 'ok' };

describe('GET /readyz', () => {
  let world: World;
  /** Answers are cached for a second. */
  let ahead = 0;
  let stoppedAt: number | undefined;
  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => (stoppedAt ?? Date.now()) + ahead } });
    await addInstalls(world, { from: PORTAL, count: 1, secondsLeft: -1 });
  });
  afterAll(() => world.close());

  const query = (text: string) => world.ctx.pool.query(text);
  const readiness = async () => {
    ahead += 1_000;
    const answer = await world.request('GET', '/readyz');
    return { code: answer.status, ...(answer.body as { checks: Record<string, string> }) };
  };

  it('is ready when every check passes', async () => {
    const answer = await world.request('GET', '/readyz');
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        status: 'ready',
        checks: ALL_OK,
        alarms: [],
      },
    ]);
  });

  it.each([
    {
      check: 'migrations',
      what: 'a migration is missing',
      trouble: /^1 to run: npm run migrate$/,
      spoilWith: `create table kept as select * from migrations order by id desc limit 1;
        delete from migrations where id in (select id from kept)`,
      mend: 'insert into migrations select * from kept; drop table kept',
    },
    {
      check: 'keyRing',
      what: 'a key is not in TOKEN_KEYS',
      spoilWith: `insert into key_canaries (key_id, value) values ('gone', 'x')`,
      trouble: /^TOKEN_KEYS has no key "gone"/,
      mend: `delete from key_canaries where key_id = 'gone'`,
    },
    {
      check: 'queue',
      what: 'no worker splits deliveries',
      spoilWith: `insert into webhook_deliveries (body, received_at) values ('[]', now() - interval '6 minutes')`,
      trouble: /^the oldest delivery has waited \d+ seconds$/,
      mend: 'delete from webhook_deliveries',
    },
  ])('is not ready while $what', async ({ check, spoilWith, trouble, mend }) => {
    await query(spoilWith);
    const { code, checks } = await readiness();
    expect([code, checks[check]]).toEqual([503, expect.stringMatching(trouble)]);
    expect(checks).toEqual({ ...ALL_OK, [check]: checks[check] });
    await query(mend);
    expect((await readiness()).code).toBe(200);
  });

  it('writes nothing, and queries the database once for concurrent requests', async () => {
    await query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger refuse before insert or update or delete on key_canaries execute function refuse()`);
    const { checks } = await readiness();
    expect(checks).toEqual(ALL_OK);
    const asked = async () => (await query('select calls from asked')).rows[0].calls;
    await query(`
      drop trigger refuse on key_canaries;
      create table asked as select 0 as calls;
      alter table migrations rename to kept_migrations;
      create function ask() returns setof kept_migrations language plpgsql volatile as $$ begin
        update asked set calls = calls + 1; return query select * from kept_migrations; end $$;
      create view migrations as select * from ask()`);
    ahead += 1_000;
    // However long it takes, all of them ask within a second.
    stoppedAt = Date.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.request('GET', '/readyz')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await asked()).toBe(1);
    stoppedAt = undefined;
    await query(`drop view migrations; drop function ask; alter table kept_migrations rename to migrations`);
  });

  it('stays ready with an alarm, and shows when it was raised', async () => {
    const failure = {
      method: 'POST',
      path: '/oauth/*/token',
      status: 400,
      body: { error: 'invalid_client' },
    };
    await world.sandbox.control('failures', { ...failure, times: 1 });
    const answer = await world.apiRequest('GET', `/hubid/${PORTAL}/contact/jane@example.com`);
    await expectError(answer, 502, 'app_misconfigured');
    expect(await readiness()).toMatchObject({
      code: 200,
      alarms: [
        {
          name: 'app_misconfigured',
          message: expect.stringContaining('check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET'),
          since: expect.stringMatching(/^\d{4}-.*Z$/),
          lastSeen: expect.stringMatching(/^\d{4}-.*Z$/),
          occurrences: 1,
        },
      ],
    });
  });
});
