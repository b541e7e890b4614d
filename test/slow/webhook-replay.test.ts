import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { hubspotCommand, hubspotJson } from '../cli/hubspot-command.ts';
import { anEvent } from '../helpers/webhook-world.ts';
import { type LedgerWorld, startLedgerWorld } from './ledger-world.ts';

describe('npm run hubspot -- webhooks', () => {
  let world: LedgerWorld;
  beforeAll(async () => {
    world = await startLedgerWorld();
  });
  afterAll(() => world.close());

  describe('dead and replay', () => {
    it('shows dead events with their last error and replays them in order', async () => {
      await world.bury(10, ['a', 'b', 'c']);
      const { problem } = await world.here('dead', '--state', 'done');
      expect(problem?.message).toContain("unknown option '--state'");
      const dead = await world.json('dead', ...world.record(10));
      expect(dead).toHaveLength(3);
      expect(dead[0]).toMatchObject({ attempts: 10, lastError: 'the shop does not answer for 10' });
      expect((await world.webhooks('dead')).output).toContain('the shop does not answer for 10');

      const { output } = await world.webhooks('replay', ...world.record(10));
      expect(output).toContain('Replayed 3 events.');
      await world.settled();
      expect(world.handled).toEqual(['a', 'b', 'c'].map((value) => ({ object: 10, value, attempt: 1 })));
      for (const event of await world.events(10))
        expect(event).toMatchObject({ state: 'done', attempts: 1, last_error: null });
    });

    it('counts by type and state and changes nothing in a dry run', async () => {
      await world.bury(11, ['a', 'b']);
      const before = await world.events(11);
      expect(await world.json('replay', '--dry-run', ...world.record(11))).toEqual({
        changed: 2,
        erased: 0,
        unwanted: 0,
        busy: 0,
        dryRun: true,
        byType: [{ type: 'contact.propertyChange', state: 'dead', events: 2 }],
      });
      const { output } = await world.webhooks('replay', '--dry-run', ...world.record(11));
      expect(output).toMatch(
        /contact\.propertyChange +dead +2\nWould replay 2 events\.\nNothing was changed\./,
      );
      expect(await world.events(11)).toEqual(before);
      expect(world.handled).toEqual([]);
      await world.webhooks('drop', '--yes', ...world.record(11));
    });

    it('replays handled events only when their state or id is given', async () => {
      await world.deliver([anEvent({ objectId: 12, propertyValue: 'once' })]);
      await world.settled();
      world.handled.length = 0;
      expect((await world.webhooks('replay', ...world.record(12))).output).toContain(
        'No event in state dead matches.',
      );
      await world.webhooks('replay', ...world.record(12), '--state', 'done');
      await world.settled();
      const [{ id }] = await world.json('list', ...world.record(12));
      await world.webhooks('replay', '--id', id);
      await world.settled();
      expect(world.handled.map(({ value }) => value)).toEqual(['once', 'once']);
    });

    it('replays imports in order with the other events of their record', async () => {
      await world.bury(13, ['a'], { changeSource: 'IMPORT' });
      await world.bury(13, ['b']);
      await world.webhooks('replay', ...world.record(13));
      await world.settled();
      expect(world.handled.map(({ value }) => value)).toEqual(['a', 'b']);
    });

    it('keeps the order of each record across pages', async () => {
      const objects = Array.from({ length: 450 }, (_, index) => 1000 + index);
      for (const objectId of objects) world.broken.add(objectId);
      const events = ['a', 'b'].flatMap((propertyValue) =>
        objects.map((objectId) => anEvent({ objectId, propertyValue })),
      );
      for (let at = 0; at < events.length; at += 100) await world.deliver(events.slice(at, at + 100));
      await world.settled();
      await world.query(
        `update webhook_events set state = 'dead', run_at = null where state in ('waiting', 'retrying')`,
      );
      world.broken.clear();
      world.handled.length = 0;
      expect(await world.json('replay', '--since', '1h')).toMatchObject({ changed: 900, busy: 0 });
      await world.settled();
      const orders = Map.groupBy(world.handled, ({ object }) => object);
      expect(orders.size).toBe(450);
      for (const order of orders.values()) expect(order.map(({ value }) => value)).toEqual(['a', 'b']);
    });

    it('skips events that are being handled', async () => {
      world.broken.add(15);
      await world.deliver([anEvent({ objectId: 15 })]);
      await world.settled();
      const handler = await world.ctx.pool.connect();
      await handler.query('begin');
      await handler.query(`select from webhook_events where record = '62515:contact:15' for update`);
      const { output } = await world.webhooks('replay', ...world.record(15), '--state', 'retrying');
      expect(output).toContain('Replayed 0 events.\n1 are being handled by a worker and were skipped.');
      await handler.query('rollback');
      handler.release();
      world.broken.delete(15);
      await world.webhooks('drop', ...world.record(15), '--state', 'retrying', '--yes');
    });

    it('reports events without a handler and erased events, which cannot be replayed', async () => {
      await world.deliver([anEvent({ objectId: 14, subscriptionType: 'deal.creation' })]);
      await world.deliver([anEvent({ objectId: 14, propertyValue: 'erase me' })]);
      await world.deliver([anEvent({ objectId: 14, subscriptionType: 'contact.privacyDeletion' })]);
      await world.settled();
      const [unwanted] = await world.json('list', '--record', 'deal:14');
      expect((await world.webhooks('replay', '--id', unwanted.id)).errors).toContain('No handler matches');
      expect(await world.json('list', '--id', unwanted.id)).toEqual([unwanted]);

      const erased = (await world.json('list', ...world.record(14))).find(
        (event: { erased: boolean }) => event.erased,
      );
      expect(await world.webhooks('replay', '--id', erased.id)).toMatchObject({
        code: 1,
        errors: expect.stringContaining('was erased after a privacy deletion'),
      });
      const all = await world.webhooks('replay', ...world.record(14), '--state', 'done,erased', '--dry-run');
      expect(all.output).toContain('1 were erased after a privacy deletion');
      expect((await world.webhooks('show', erased.id)).output).not.toContain('erase me');

      const receipts = await hubspotJson(world.settings, 'privacy', 'receipts', '--portal', '62515');
      expect(receipts).toEqual([
        expect.objectContaining({
          record: '62515:contact:14',
          erased: expect.objectContaining({ webhook_events: 1 }),
        }),
      ]);
      const { output } = await hubspotCommand(world.settings, 'privacy', 'receipts');
      expect(output).toContain('webhook_events: 1');
      expect(await hubspotJson(world.settings, 'privacy', 'receipts', '--portal', '62516')).toEqual([]);
    });
  });

  it.each([
    { command: 'replay', portal: '62517', yes: [] },
    { command: 'drop', portal: '62518', yes: ['--yes'] },
  ])('$command shows its progress only on a terminal', async ({ command, portal, yes }) => {
    await world.query(
      `insert into webhook_events (id, portal_id, record, subscription_type, lane, priority, occurred_at, state)
       select gen_random_uuid(), $1::bigint, $1::bigint || ':contact:' || object, 'contact.creation', 0, 0, 0, 'dead'
       from generate_series(30001, 30250) object`,
      [portal],
    );
    const shown: string[] = [];
    const write = jest
      .spyOn(process.stderr, 'write')
      .mockImplementation((text) => shown.push(String(text)) > 0);
    const isTerminal = (value: boolean) =>
      Object.defineProperty(process.stderr, 'isTTY', { value, configurable: true });
    const before = process.stderr.isTTY;
    try {
      isTerminal(false);
      await world.here(command, '--portal', portal, '--dry-run');
      expect(shown).toEqual([]);
      isTerminal(true);
      const { problem } = await world.here(command, '--portal', portal, ...yes);
      expect(problem).toBeUndefined();
    } finally {
      isTerminal(before);
      write.mockRestore();
    }
    expect(shown.join('')).toContain('250/250 events');
  });

  describe.each(['replay', 'drop'])('%s without a choice of events', (command) => {
    beforeAll(() => world.bury(command === 'replay' ? 30 : 31, ['a']));
    const due = async () => (await world.json(command, '--dry-run')).changed;

    it.each([[[]], [['--yes']], [['--state', 'dead']], [['--state', 'dead', '--yes']]])(
      'fails with %j and changes nothing',
      async (args) => {
        const before = await due();
        const { problem } = await world.here(command, ...args);
        expect(problem?.message).toMatch(/^Nothing was changed\. Select events .* with --all/);
        expect(await due()).toBe(before);
      },
    );

    it('accepts --all, says how many events it would change, and requires --yes', async () => {
      const before = await due();
      expect(before).toBeGreaterThan(0);
      const { problem } = await world.here(command, '--all');
      expect(problem?.message).toMatch(
        new RegExp(`^This ${command}s ${before} events?\\b.* Nothing was done: add --yes to confirm\\.$`),
      );
      expect((await world.here(command, '--dry-run')).output).toContain(`${before} event`);
      expect((await world.here(command, '--all', '--dry-run')).output).toContain(`${before} event`);
      expect((await world.here(command, '--all', ...world.record(30))).problem?.message).toContain(
        '--all cannot be combined',
      );
      expect(await due()).toBe(before);

      expect((await world.here(command, '--all', '--yes')).problem).toBeUndefined();
      expect(await due()).toBe(0);
      await world.settled();
    });
  });

  describe('drop', () => {
    it('settles dead events with --yes', async () => {
      await world.bury(20, ['a', 'b']);
      const refused = await world.webhooks('drop', ...world.record(20));
      expect(refused).toMatchObject({
        code: 1,
        errors:
          'This drops 2 events, which are then never handled. Nothing was done: add --yes to confirm.\n',
      });
      expect(await world.json('drop', ...world.record(20), '--dry-run')).toMatchObject({
        changed: 2,
        dryRun: true,
      });
      expect(await world.json('dead', ...world.record(20))).toHaveLength(2);

      const { output } = await world.webhooks(
        'drop',
        ...world.record(20),
        '--yes',
        '--reason',
        'the shop has closed',
      );
      expect(output).toContain('Dropped 2 events.');
      expect(world.handled).toEqual([]);
      for (const event of await world.events(20))
        expect(event).toMatchObject({ state: 'ignored', last_error: 'dropped: the shop has closed' });
    });

    it('unblocks the next events of the record when a failing event is dropped', async () => {
      world.broken.add(21);
      await world.deliver([
        anEvent({ objectId: 21, propertyValue: 'stuck' }),
        anEvent({ objectId: 21, propertyValue: 'next' }),
      ]);
      await world.settled();
      world.broken.delete(21);
      world.handled.length = 0;
      await world.webhooks('drop', ...world.record(21), '--state', 'retrying', '--yes');
      await world.settled();
      expect(world.handled).toEqual([{ object: 21, value: 'next', attempt: 1 }]);
    });

    it('does not change settled events', async () => {
      expect((await world.webhooks('drop', '--state', 'done', '--yes')).errors).toContain('settled already');
    });
  });
});
