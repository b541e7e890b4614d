import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { eventIdentity, type WebhookEvent } from '../../../app/webhooks/event/event.ts';
import { anyText, mixedItems } from '../../helpers/arbitrary-events.ts';
import { inDatabase } from '../../helpers/database.ts';
import { createDeliverySender, type DeliveryAnswer, type DeliverySender } from '../../helpers/deliveries.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';

/** As many deliveries as may wait for their commit. */
const MOST_WAITING = 2_000;

/** A body that begins like the end of an address is refused: `/webhook` and `/[]` are signed as `/webhook/` and `[]`. */
const isNoEndOfAddress = (body: string | Uint8Array): boolean => !/^[/?]/.test(Buffer.from(body).toString());

describe('a delivery', () => {
  let world: World;
  let hubspot: DeliverySender;
  beforeAll(async () => {
    world = await startWorld();
    hubspot = createDeliverySender({ url: world.serverUrl });
  });
  beforeEach(() => world.ctx.pool.query('truncate webhook_deliveries, webhook_events'));
  afterAll(async () => {
    hubspot.close();
    await world.close();
  });

  const query = async (sql: string, values: unknown[] = []) => (await world.ctx.pool.query(sql, values)).rows;
  const split = () => world.ctx.services.webhooks.split(() => false);

  it('is acknowledged for any JSON, and no valid event is lost', async () => {
    await fc.assert(
      fc.asyncProperty(mixedItems, async ({ good, others }) => {
        await query('truncate webhook_deliveries');
        expect((await hubspot.send([...others, ...good])).status).toBe(204);
        await split();
        const ids = good.map((event) => eventIdentity(event as unknown as WebhookEvent));
        const stored = await query('select id from webhook_events where id = any($1)', [ids]);
        expect(new Set(stored.map(({ id }) => id))).toEqual(new Set(ids));
        expect(await query('select state from webhook_deliveries')).toEqual([{ state: 'done' }]);
      }),
    );
  });

  it('is acknowledged and settled for any bytes', async () => {
    const bodies = fc
      .oneof(
        fc.json(),
        anyText,
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      )
      .filter(isNoEndOfAddress);
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        await query('truncate webhook_deliveries');
        expect((await hubspot.send(body)).status).toBe(204);
        await split();
        const [delivery] = await query('select state, problem from webhook_deliveries');
        expect(['done', 'rejected']).toContain(delivery?.state);
      }),
    );
  });

  it('is stored byte by byte when many share a commit', async () => {
    const body = fc.uint8Array({ maxLength: 3_000 }).filter(isNoEndOfAddress);
    const bodies = fc.array(body, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(bodies, async (several) => {
        await query('truncate webhook_deliveries');
        const sent = several.map((bytes) => Buffer.from(bytes));
        const answers = await Promise.all(sent.map((body) => hubspot.send(body)));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]));
        const stored = (await query('select body from webhook_deliveries')).map(({ body }) => body);
        expect(stored.sort(Buffer.compare)).toEqual(sent.sort(Buffer.compare));
      }),
      { numRuns: 30 },
    );
  });

  it.each(['/webhook', '/webhook/', '/webhook?environment=eu', '/Webhook'])(
    'may come to %s',
    async (target) => {
      expect((await hubspot.send([], target)).status).toBe(204);
      expect(await query('select count(*) from webhook_deliveries')).toEqual([{ count: 1 }]);
    },
  );

  it.each([
    '/webhooks',
    '/webhook/contact',
    '/',
    '/%77ebhook%',
    '/webhook?appId=193354&environment=eu',
    '/webhook?environment',
  ])('is rejected at %s', async (target) => {
    const { status, body } = await hubspot.send([], target);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(JSON.parse(body)).toMatchObject({ error: { requestId: expect.any(String) } });
    expect(await query('select count(*) from webhook_deliveries')).toEqual([{ count: 0 }]);
  });

  it.each([
    ['is not JSON', 'ping', 'the body is not JSON'],
    ['is empty', '', 'the body is not JSON'],
    ['is one event without its array', '{"portalId":62515}', 'the body is not an array of events'],
    ['holds no event', '[{"objectId":101}]', 'no valid item: no usable portalId'],
  ])('is acknowledged and kept with the reason when it %s', async (_, body, problem) => {
    expect((await hubspot.send(body)).status).toBe(204);
    await split();
    const rows = await query(
      `select state, problem, convert_from(body, 'UTF8') as body from webhook_deliveries`,
    );
    expect(rows).toEqual([{ state: 'rejected', problem, body }]);
  });

  it('is stored as unknown, with its payload, when its type is unknown', async () => {
    const event = { portalId: 62515, subscriptionType: 'comet.sighted', occurredAt: 7, tail: { length: 2 } };
    await hubspot.send([event]);
    await split();
    const rows = await query('select state, subscription_type, event from webhook_events');
    expect(rows).toEqual([{ state: 'unknown', subscription_type: 'comet.sighted', event }]);
  });

  it('is stored as ignored when its type has no handler', async () => {
    const types = ['deal.merge', 'conversation.newMessage', 'event.completed'];
    await hubspot.send(types.map((subscriptionType) => ({ portalId: 62515, subscriptionType })));
    await split();
    expect(await query('select distinct state from webhook_events')).toEqual([{ state: 'ignored' }]);
  });

  it('is stored with types of any name, and its invalid items are kept with the reason', async () => {
    const types = ['comet/sighted:new', '彗星', ' ', '\u0000\u009b31m', 'x'.repeat(200)];
    const events = types.map((subscriptionType, objectId) => ({
      portalId: 62515,
      subscriptionType,
      objectId,
    }));
    const nested = Array.from({ length: 40 }).reduce<unknown>((inner) => ({ inner }), 'core');
    const others = [
      { portalId: 62515, subscriptionType: 'comet.sighted', nested },
      { portalId: 62515, subscriptionType: 'y'.repeat(201) },
    ];
    await hubspot.send([
      ...events,
      ...others,
      { portalId: 62515, eventType: 'contact.creation', objectId: 7 },
    ]);
    await split();
    const stored = await query('select subscription_type as type from webhook_events');
    expect(stored.map(({ type }) => type).sort()).toEqual(
      [...types.map((type) => type.replace('\0', '\ufffd')), 'contact.creation'].sort(),
    );
    const [delivery] = await query(
      `select state, events, problem, convert_from(body, 'UTF8') as body from webhook_deliveries`,
    );
    expect(delivery).toMatchObject({
      state: 'done',
      events: 6,
      problem: '2 of 8 items are invalid: nested too deeply, no usable subscriptionType',
    });
    expect(JSON.parse(delivery.body)).toEqual(others);
  });

  it('is stored as two events when their ids differ only beyond the safe integers', async () => {
    const event = (id: string) => `{"portalId":62515,"subscriptionType":"contact.creation","objectId":${id}}`;
    await hubspot.send(`[${event('9007199254740992')},${event('9007199254740993')}]`);
    await split();
    expect(await query('select record from webhook_events order by record')).toEqual([
      { record: '62515:contact:9007199254740992' },
      { record: '62515:contact:9007199254740993' },
    ]);
  });

  it('may have a hundred events of several portals', async () => {
    const events = Array.from({ length: 100 }, (_, index) => ({
      portalId: 62515 + (index % 4),
      subscriptionType: 'contact.propertyChange',
      eventId: index,
      objectId: 100 + (index % 10),
      occurredAt: 1_795_219_200_000 + index,
      propertyName: 'phone',
    }));
    expect((await hubspot.send(events)).status).toBe(204);
    await split();
    expect(await query('select events, state, body, problem from webhook_deliveries')).toEqual([
      { events: 100, state: 'done', body: null, problem: null },
    ]);
    const rows = await query(
      `select portal_id, count(*), count(distinct record) as records from webhook_events
       where state = 'waiting' group by portal_id order by portal_id`,
    );
    expect(rows).toEqual(
      [62515, 62516, 62517, 62518].map((portal_id) => ({ portal_id, count: 25, records: 5 })),
    );
  });

  it('is deduplicated when many copies arrive in any order', async () => {
    const events = Array.from({ length: 30 }, (_, eventId) => ({
      portalId: 62515,
      subscriptionType: 'contact.propertyChange',
      eventId,
      objectId: eventId % 5,
      occurredAt: 1_795_219_200_000,
      propertyName: 'phone',
      propertyValue: '1',
    }));
    const copy = (attemptNumber: number) =>
      events
        .map((event) => Object.fromEntries(Object.entries({ ...event, attemptNumber }).reverse()))
        .sort(
          (a, b) =>
            ((Number(a.eventId) * 7 + attemptNumber) % 30) - ((Number(b.eventId) * 7 + attemptNumber) % 30),
        );
    const answers = await Promise.all([0, 1, 2, 3].map((attempt) => hubspot.send(copy(attempt))));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    await Promise.all([split(), split()]);
    await split();
    expect(await query('select count(*) from webhook_events')).toEqual([{ count: 30 }]);
  });

  it.each([
    ['cannot hold', '22003'],
    ['cannot index', '54000'],
  ])('is split in order when the database %s one of them', async (_, code) => {
    await query(`
      create function refuse() returns trigger language plpgsql as $$ begin
        if new.event->>'propertyValue' = '5' then raise exception 'refused' using errcode = '${code}'; end if;
        new.attempts := nextval('install_ids');
        return new;
      end $$;
      create trigger refuse before insert on webhook_events for each row execute function refuse()`);
    try {
      for (let index = 1; index <= 30; index += 1) {
        await hubspot.send([
          {
            portalId: 62515,
            subscriptionType: 'contact.propertyChange',
            propertyValue: `${index}`,
            objectId: 1,
          },
        ]);
      }
      await split();
      const order = await query(
        `select event->>'propertyValue' as value, delivery_id from webhook_events order by attempts`,
      );
      // Of one round they go in the order of their ids; the rounds keep theirs.
      const values = order.map(({ value }) => Number(value));
      expect(values.slice(0, 19)).toEqual([1, 2, 3, 4, ...Array.from({ length: 15 }, (_, at) => at + 6)]);
      expect(values.slice(19).sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, at) => at + 21));
      expect(
        await query('select state, count(*) from webhook_deliveries group by state order by state'),
      ).toEqual([
        { state: 'done', count: 29 },
        { state: 'rejected', count: 1 },
      ]);
    } finally {
      await query('drop trigger refuse on webhook_events; drop function refuse');
    }
  });

  describe('while the database is blocked', () => {
    let lock: pg.Client;
    beforeEach(async () => {
      lock = new pg.Client(world.database.url);
      await lock.connect();
      await lock.query('begin');
      await lock.query('lock table webhook_deliveries');
    });

    it('waits up to a limit, is rejected beyond it, and is stored when it was acknowledged', async () => {
      const answers: DeliveryAnswer[] = [];
      const sent = Array.from({ length: MOST_WAITING + 50 }, async (_, index) => {
        const answer = await hubspot.send([
          { portalId: 1, subscriptionType: 'contact.creation', objectId: index },
        ]);
        answers.push(answer);
        return { index, status: answer.status };
      });
      await until('the rejections', () => answers.length >= 50);
      expect((await hubspot.send([])).status).toBe(503);
      // At once: those that wait have no answer yet.
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(503));
      for (const { headers, body } of answers) {
        expect(headers['retry-after']).toBe('2');
        expect(JSON.parse(body)).toMatchObject({ error: { code: 'busy' } });
      }

      await lock.end();
      const acknowledged = (await Promise.all(sent)).filter(({ status }) => status === 204);
      expect(acknowledged).toHaveLength(MOST_WAITING);
      const rows = await query(
        `select convert_from(body, 'UTF8')::json->0->>'objectId' as index from webhook_deliveries`,
      );
      const stored = rows.map(({ index }) => Number(index)).sort((a, b) => a - b);
      expect(stored).toEqual(acknowledged.map(({ index }) => index).sort((a, b) => a - b));
    });

    it('is rejected when a few waiting deliveries are too large', async () => {
      const large = Buffer.from(JSON.stringify([{ text: 'x'.repeat(1_000_000) }]));
      let refused = 0;
      const sent = Array.from({ length: 70 }, async () => {
        const { status } = await hubspot.send(large);
        if (status === 503) refused += 1;
        return status;
      });
      await until('the rejections', () => refused > 0);
      await lock.end();
      const stored = (await Promise.all(sent)).filter((status) => status === 204).length;
      expect([stored, refused]).toEqual([67, 3]);
      expect(await query('select count(*) from webhook_deliveries')).toEqual([{ count: stored }]);
    });
  });

  it('is rejected while the database is down, and no acknowledged delivery is lost', async () => {
    const name = new URL(world.database.url).pathname.slice(1);
    const acknowledged: number[] = [];
    const refused: number[] = [];
    let phase: 'before' | 'away' | 'back' = 'before';
    const seen = { before: 0, away: 0, back: 0 };
    let next = 0;
    const keepSending = async () => {
      while (seen.back < 100) {
        const index = next++;
        const { status } = await hubspot.send([
          { portalId: 1, subscriptionType: 'deal.creation', objectId: index },
        ]);
        expect([204, 503]).toContain(status);
        (status === 204 ? acknowledged : refused).push(index);
        if (phase !== 'back' || status === 204) seen[phase] += 1;
      }
    };
    const load = Promise.all(Array.from({ length: 8 }, keepSending));
    await inDatabase('postgres', async (server) => {
      for (let round = 0; round < 3; round += 1) {
        const goal = seen.before + 100;
        await until('deliveries to be stored', () => seen.before >= goal);
        await server.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
          [name],
        );
      }
      phase = 'away';
      await server.query(`alter database ${name} allow_connections false`);
      await server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      const atLeast = refused.length + 50;
      await until('deliveries to be refused', () => refused.length >= atLeast);
      await server.query(`alter database ${name} allow_connections true`);
      phase = 'back';
    });
    await load;
    const rows = await query(
      `select convert_from(body, 'UTF8')::json->0->>'objectId' as index from webhook_deliveries`,
    );
    const stored = new Set(rows.map(({ index }) => Number(index)));
    expect(acknowledged.filter((index) => !stored.has(index))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(300);
  });
});
