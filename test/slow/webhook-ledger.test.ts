import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent } from '../helpers/webhook-world.ts';
import { type LedgerWorld, startLedgerWorld } from './ledger-world.ts';

const SECRET_VALUE = '+1 617 555 0142';

describe('npm run hubspot -- webhooks', () => {
  let world: LedgerWorld;
  beforeAll(async () => {
    world = await startLedgerWorld();
  });
  afterAll(() => world.close());

  describe('list', () => {
    beforeAll(async () => {
      await world.deliver([
        anEvent({ objectId: 1, propertyValue: SECRET_VALUE }),
        anEvent({ objectId: 1, propertyName: 'fax', propertyValue: SECRET_VALUE }),
        anEvent({ objectId: 1, portalId: 62516 }),
        anEvent({ objectId: 2, subscriptionType: 'company.creation' }),
      ]);
      await world.settled();
    });

    it('shows events and their states without payloads', async () => {
      const { code, output } = await world.webhooks('list', '--limit', '4');
      expect(code).toBe(0);
      const [heading, ...lines] = output.trimEnd().split('\n');
      expect(heading).toMatch(/^received +id +record +type +state +attempts +delivery +reason$/);
      expect(lines).toHaveLength(4);
      expect(output).toContain('62516:contact:1');
      expect(output).not.toContain(SECRET_VALUE);
      expect(JSON.stringify(await world.json('list'))).not.toContain(SECRET_VALUE);
    });

    it.each([
      ['--record', 'contact:1', 3],
      ['--record', '62515:contact:1', 2],
      ['--portal', '62516', 1],
      ['--type', 'company.creation,deal.creation', 1],
      ['--state', 'ignored', 2],
      ['--since', '1h', 4],
      ['--until', '1h', 0],
      ['--since', '2999-01-01', 0],
    ])('%s %s finds them', async (option, value, count) => {
      expect(await world.json('list', option, value)).toHaveLength(count);
    });

    it('combines its options', async () => {
      const found = await world.json('list', ...world.record(1), '--portal', '62515', '--state', 'done');
      expect(found).toEqual([
        expect.objectContaining({ record: '62515:contact:1', state: 'done', attempts: 1, portal: 62515 }),
      ]);
      const [{ id, delivery }] = found;
      expect(await world.json('list', '--id', id)).toEqual(found);
      expect(await world.json('list', '--id', String(delivery))).toHaveLength(4);
    });

    it.each([
      [['--state', 'lost'], 'Unknown state "lost"'],
      [['--id', 'x'], 'It must be the id of an event'],
      [['--record', 'contact'], 'type:id'],
      [['--since', 'yesterday'], 'how long ago'],
      [['--since', '2026-13-45'], 'how long ago'],
      [['--limit', '0'], 'from 1 to'],
      [['--portal', 'x'], 'HubSpot account'],
    ])('explains why %p is invalid', async (args, words) => {
      const { code, errors } = await world.webhooks('list', ...args);
      expect(code).not.toBe(0);
      expect(errors).toContain(words);
    });

    it('shows deliveries, and why one was rejected', async () => {
      await world.deliver({ not: 'an array' } as never);
      await world.settled();
      const [rejected] = await world.json('list', '--deliveries', '--state', 'rejected');
      expect(rejected).toMatchObject({ state: 'rejected', problem: 'the body is not an array of events' });
      const shown = await world.webhooks('show', String(rejected.id));
      expect(shown.output).toContain('{"not":"an array"}');
      const replayed = await world.webhooks('replay', '--id', String(rejected.id));
      expect(replayed).toMatchObject({
        code: 1,
        errors: expect.stringContaining('rejected (the body is not'),
      });
      expect((await world.webhooks('list', '--deliveries', '--portal', '62515')).code).toBe(1);
    });
  });

  it('replay: handles items that an older version found invalid', async () => {
    const items = [anEvent({ objectId: 5, propertyValue: 'at last' }), { portalId: 'x' }];
    const [{ id }] = await world.query(
      `insert into webhook_deliveries (state, problem, body)
       values ('rejected', 'no valid item: not an object', convert_to($1, 'UTF8')) returning id`,
      [JSON.stringify(items)],
    );
    world.handled.length = 0;
    const sentence = '1 formerly invalid items are valid events now.';
    const replay = (...args: string[]) => world.here('replay', '--id', String(id), ...args);
    expect((await replay('--dry-run')).output).toContain(sentence);
    expect(await world.events(5)).toEqual([]);
    expect((await replay()).output).toContain(sentence);
    await world.settled();
    expect(world.handled).toEqual([{ object: 5, value: 'at last', attempt: 1 }]);
    expect(await world.ctx.services.webhooks.ledger.findDelivery(id)).toMatchObject({
      state: 'done',
      events: 1,
      body: '[{"portalId":"x"}]',
      problem: '1 of 2 items are invalid: no usable portalId',
    });
    await replay('--state', 'done');
    await world.settled();
    expect(world.handled).toHaveLength(2);
  });

  describe('show', () => {
    it('prints an event with its payload', async () => {
      await world.deliver([anEvent({ objectId: 3, propertyValue: SECRET_VALUE, changeSource: '\u009b31m' })]);
      await world.settled();
      const [{ id }] = await world.json('list', ...world.record(3));
      const { output } = await world.webhooks('show', id);
      expect(output).toContain(SECRET_VALUE);
      expect(output).not.toContain('\u009b');
      expect(await world.json('show', id)).toMatchObject({ id, event: { propertyValue: SECRET_VALUE } });
    });

    it('prints an event whose time lies outside the calendar', async () => {
      const id = '00000000-0000-0000-0000-000000000001';
      await world.query(
        `insert into webhook_events (id, portal_id, record, subscription_type, lane, priority, occurred_at, state)
         values ($1, 1, '', '', 0, 0, 9e15, 'done')`,
        [id],
      );
      const { output } = await world.here('show', id);
      expect(output).toMatch(/occurred at +9000000000000000\n/);
    });

    it.each(['0'.repeat(8) + '-0000-0000-0000-000000000000', '999999'])(
      'reports that %s does not exist',
      async (id) => {
        expect(await world.webhooks('show', id)).toMatchObject({
          code: 1,
          errors: expect.stringMatching(/^The (event|delivery) .* does not exist\./),
        });
      },
    );
  });
});
