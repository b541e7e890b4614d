import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { webhookCommands } from '../../app/cli/webhooks.ts';
import { defineHandler } from '../../app/webhooks/handler.ts';
import { hubspotCommand, hubspotJson } from '../cli/hubspot-command.ts';
import { runInProcess } from '../cli/in-process.ts';
import { anEvent, startWebhookWorld, type WebhookWorld } from '../helpers/webhook-world.ts';

const SECRET_VALUE = '+1 617 555 0142';

/** What the handlers did, in order. */
let handled: { object: number; value: string; attempt: number }[] = [];
/** Objects whose events fail for good. */
const broken = new Set<number>();

const handlers = [
  defineHandler({
    name: 'remembers',
    on: 'contact.propertyChange',
    when: { properties: ['phone', 'email'] },
    async handle({ objectId, propertyValue }, { attempt }) {
      // No retry comes of itself while a test looks on.
      if (broken.has(Number(objectId)))
        throw Object.assign(new Error(`the shop does not answer for ${objectId}`), { retryAfter: 3600 });
      handled.push({ object: Number(objectId), value: String(propertyValue), attempt });
    },
  }),
];

describe('npm run hubspot -- webhooks', () => {
  let world: WebhookWorld;
  beforeAll(async () => {
    world = await startWebhookWorld(handlers);
  });
  afterAll(() => world.close());

  /** In this process, which is faster. */
  const here = (...args: string[]) => runInProcess(world.ctx, [webhookCommands], 'webhooks', ...args);
  const webhooks = (...args: string[]) => hubspotCommand(world.settings, 'webhooks', ...args);
  const json = (...args: string[]) => hubspotJson(world.settings, 'webhooks', ...args);
  const record = (objectId: number) => ['--record', `contact:${objectId}`];

  /** Events of a record that fail until the last attempt. */
  async function bury(objectId: number, values: readonly string[], fields: Record<string, unknown> = {}) {
    broken.add(objectId);
    await world.deliver(values.map((propertyValue) => anEvent({ objectId, propertyValue, ...fields })));
    await world.settled();
    for (let left = values.length; left > 0; ) {
      await world.query(`update webhook_events set attempts = 9 where record like '%:' || $1`, [objectId]);
      await world.retryNow();
      left = (await json('list', ...record(objectId), '--state', 'waiting,retrying')).length;
    }
    broken.delete(objectId);
    handled = [];
  }

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

    it('shows what came and what became of it, and nothing of what it says', async () => {
      const { code, output } = await webhooks('list', '--limit', '4');
      expect(code).toBe(0);
      const [heading, ...lines] = output.trimEnd().split('\n');
      expect(heading).toMatch(/^received +id +record +type +state +attempts +delivery +reason$/);
      expect(lines).toHaveLength(4);
      expect(output).toContain('62516:contact:1');
      expect(output).not.toContain(SECRET_VALUE);
      expect(JSON.stringify(await json('list'))).not.toContain(SECRET_VALUE);
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
      expect(await json('list', option, value)).toHaveLength(count);
    });

    it('combines what it is told', async () => {
      const found = await json('list', ...record(1), '--portal', '62515', '--state', 'done');
      expect(found).toEqual([
        expect.objectContaining({ record: '62515:contact:1', state: 'done', attempts: 1, portal: 62515 }),
      ]);
      const [{ id, delivery }] = found;
      expect(await json('list', '--id', id)).toEqual(found);
      expect(await json('list', '--id', String(delivery))).toHaveLength(4);
    });

    it.each([
      [['--state', 'lost'], 'There is no state "lost"'],
      [['--id', 'x'], 'It must be the id of an event'],
      [['--record', 'contact'], 'type:id'],
      [['--since', 'yesterday'], 'how long ago'],
      [['--since', '2026-13-45'], 'how long ago'],
      [['--limit', '0'], 'from 1 to'],
      [['--portal', 'x'], 'HubSpot account'],
    ])('%p is refused in words', async (args, words) => {
      const { code, errors } = await webhooks('list', ...args);
      expect(code).not.toBe(0);
      expect(errors).toContain(words);
    });

    it('shows deliveries, and why one was rejected', async () => {
      await world.deliver({ not: 'an array' } as never);
      await world.settled();
      const [rejected] = await json('list', '--deliveries', '--state', 'rejected');
      expect(rejected).toMatchObject({ state: 'rejected', problem: 'the body is not an array of events' });
      const shown = await webhooks('show', String(rejected.id));
      expect(shown.output).toContain('{"not":"an array"}');
      const replayed = await webhooks('replay', '--id', String(rejected.id));
      expect(replayed).toMatchObject({
        code: 1,
        errors: expect.stringContaining('rejected (the body is not'),
      });
      expect((await webhooks('list', '--deliveries', '--portal', '62515')).code).toBe(1);
    });
  });

  it('has items handled that were no events for an older version', async () => {
    const items = [anEvent({ objectId: 5, propertyValue: 'at last' }), { portalId: 'x' }];
    const [{ id }] = await world.query(
      `insert into webhook_deliveries (state, problem, body)
       values ('rejected', 'no valid item: not an object', convert_to($1, 'UTF8')) returning id`,
      [JSON.stringify(items)],
    );
    handled = [];
    const sentence = '1 items are understood now that were no events before.';
    const replay = (...args: string[]) => here('replay', '--id', String(id), ...args);
    expect((await replay('--dry-run')).output).toContain(sentence);
    expect(await world.events(5)).toEqual([]);
    expect((await replay()).output).toContain(sentence);
    await world.settled();
    expect(handled).toEqual([{ object: 5, value: 'at last', attempt: 1 }]);
    expect(await world.ctx.services.webhooks.ledger.findDelivery(id)).toMatchObject({
      ...{ state: 'done', events: 1, body: '[{"portalId":"x"}]' },
      problem: '1 of 2 items are invalid: no usable portalId',
    });
    await replay('--state', 'done');
    await world.settled();
    expect(handled).toHaveLength(2);
  });

  describe('show', () => {
    it('prints an event with what it says', async () => {
      await world.deliver([anEvent({ objectId: 3, propertyValue: SECRET_VALUE, changeSource: '\u009b31m' })]);
      await world.settled();
      const [{ id }] = await json('list', ...record(3));
      const { output } = await webhooks('show', id);
      expect(output).toContain(SECRET_VALUE);
      expect(output).not.toContain('\u009b');
      expect(await json('show', id)).toMatchObject({ id, event: { propertyValue: SECRET_VALUE } });
    });

    it('prints an event whose time lies outside the calendar', async () => {
      const id = '00000000-0000-0000-0000-000000000001';
      await world.query(
        `insert into webhook_events (id, portal_id, record, subscription_type, lane, priority, occurred_at, state)
         values ($1, 1, '', '', 0, 0, 9e15, 'done')`,
        [id],
      );
      const { output } = await here('show', id);
      expect(output).toMatch(/occurred at +9000000000000000\n/);
    });

    it.each(['0'.repeat(8) + '-0000-0000-0000-000000000000', '999999'])('%s is not there', async (id) => {
      expect(await webhooks('show', id)).toMatchObject({
        code: 1,
        errors: expect.stringContaining('There is no'),
      });
    });
  });

  describe('dead and replay', () => {
    it('shows dead events with their last error, and has them handled again, in order', async () => {
      await bury(10, ['a', 'b', 'c']);
      const { problem } = await here('dead', '--state', 'done');
      expect(problem?.message).toContain("unknown option '--state'");
      const dead = await json('dead', ...record(10));
      expect(dead).toHaveLength(3);
      expect(dead[0]).toMatchObject({ attempts: 10, lastError: 'the shop does not answer for 10' });
      expect((await webhooks('dead')).output).toContain('the shop does not answer for 10');

      const { output } = await webhooks('replay', ...record(10));
      expect(output).toContain('Replayed 3 events.');
      await world.settled();
      expect(handled).toEqual(['a', 'b', 'c'].map((value) => ({ object: 10, value, attempt: 1 })));
      for (const event of await world.events(10))
        expect(event).toMatchObject({ state: 'done', attempts: 1, last_error: null });
    });

    it('a dry run counts by type and state and changes nothing', async () => {
      await bury(11, ['a', 'b']);
      const before = await world.events(11);
      expect(await json('replay', '--dry-run', ...record(11))).toEqual({
        ...{ changed: 2, erased: 0, unwanted: 0, busy: 0, dryRun: true },
        byType: [{ type: 'contact.propertyChange', state: 'dead', events: 2 }],
      });
      const { output } = await webhooks('replay', '--dry-run', ...record(11));
      expect(output).toMatch(
        /contact\.propertyChange +dead +2\nWould replay 2 events\.\nNothing was changed\./,
      );
      expect(await world.events(11)).toEqual(before);
      expect(handled).toEqual([]);
      await webhooks('drop', '--yes', ...record(11));
    });

    it('leaves handled events alone unless their state or their id is given', async () => {
      await world.deliver([anEvent({ objectId: 12, propertyValue: 'once' })]);
      await world.settled();
      handled = [];
      expect((await webhooks('replay', ...record(12))).output).toContain('No event in state dead matches.');
      await webhooks('replay', ...record(12), '--state', 'done');
      await world.settled();
      const [{ id }] = await json('list', ...record(12));
      await webhooks('replay', '--id', id);
      await world.settled();
      expect(handled.map(({ value }) => value)).toEqual(['once', 'once']);
    });

    it('an import of a record is replayed in order with what else there is of it', async () => {
      await bury(13, ['a'], { changeSource: 'IMPORT' });
      await bury(13, ['b']);
      await webhooks('replay', ...record(13));
      await world.settled();
      expect(handled.map(({ value }) => value)).toEqual(['a', 'b']);
    });

    it('takes a record’s events together, however many records and pages there are', async () => {
      const objects = Array.from({ length: 450 }, (_, index) => 1000 + index);
      for (const objectId of objects) broken.add(objectId);
      const events = ['a', 'b'].flatMap((propertyValue) =>
        objects.map((objectId) => anEvent({ objectId, propertyValue })),
      );
      for (let at = 0; at < events.length; at += 100) await world.deliver(events.slice(at, at + 100));
      await world.settled();
      await world.query(
        `update webhook_events set state = 'dead', run_at = null where state in ('waiting', 'retrying')`,
      );
      broken.clear();
      handled = [];
      expect(await json('replay', '--since', '1h')).toMatchObject({ changed: 900, busy: 0 });
      await world.settled();
      const orders = Map.groupBy(handled, ({ object }) => object);
      expect(orders.size).toBe(450);
      for (const order of orders.values()) expect(order.map(({ value }) => value)).toEqual(['a', 'b']);
    });

    it('leaves alone what a handler has in hand', async () => {
      broken.add(15);
      await world.deliver([anEvent({ objectId: 15 })]);
      await world.settled();
      const handler = await world.ctx.pool.connect();
      await handler.query('begin');
      await handler.query(`select from webhook_events where record = '62515:contact:15' for update`);
      const { output } = await webhooks('replay', ...record(15), '--state', 'retrying');
      expect(output).toContain("Replayed 0 events.\n1 were in a worker's hands");
      await handler.query('rollback');
      handler.release();
      broken.delete(15);
      await webhooks('drop', ...record(15), '--state', 'retrying', '--yes');
    });

    it('says that no handler wants an event, and that what was erased cannot be replayed', async () => {
      await world.deliver([anEvent({ objectId: 14, subscriptionType: 'deal.creation' })]);
      await world.deliver([anEvent({ objectId: 14, propertyValue: 'erase me' })]);
      await world.deliver([anEvent({ objectId: 14, subscriptionType: 'contact.privacyDeletion' })]);
      await world.settled();
      const [unwanted] = await json('list', '--record', 'deal:14');
      expect((await webhooks('replay', '--id', unwanted.id)).errors).toContain('No handler wants');
      expect(await json('list', '--id', unwanted.id)).toEqual([unwanted]);

      const erased = (await json('list', ...record(14))).find((event: { erased: boolean }) => event.erased);
      expect(await webhooks('replay', '--id', erased.id)).toMatchObject({
        code: 1,
        errors: expect.stringContaining('was erased on a privacy deletion'),
      });
      const all = await webhooks('replay', ...record(14), '--state', 'done,erased', '--dry-run');
      expect(all.output).toContain('1 were erased on a privacy deletion');
      expect((await webhooks('show', erased.id)).output).not.toContain('erase me');

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
  ])('$command shows its progress to who watches, and to nobody else', async ({ command, portal, yes }) => {
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
      await here(command, '--portal', portal, '--dry-run');
      expect(shown).toEqual([]);
      isTerminal(true);
      const { problem } = await here(command, '--portal', portal, ...yes);
      expect(problem).toBeUndefined();
    } finally {
      isTerminal(before);
      write.mockRestore();
    }
    expect(shown.join('')).toContain('250/250 events');
  });

  describe.each(['replay', 'drop'])('%s without a choice of events', (command) => {
    beforeAll(() => bury(command === 'replay' ? 30 : 31, ['a']));
    const due = async () => (await json(command, '--dry-run')).changed;

    it.each([[[]], [['--yes']], [['--state', 'dead']], [['--state', 'dead', '--yes']]])(
      'is refused with %j and changes nothing',
      async (args) => {
        const before = await due();
        const { problem } = await here(command, ...args);
        expect(problem?.message).toMatch(/^Nothing was changed\. Choose events .* with --all/);
        expect(await due()).toBe(before);
      },
    );

    it('takes --all, says how many events it would be, and needs --yes', async () => {
      const before = await due();
      expect(before).toBeGreaterThan(0);
      const { problem } = await here(command, '--all');
      expect(problem?.message).toMatch(
        new RegExp(`^This ${command}s ${before} events?\\b.* Nothing was done: add --yes to do it\\.$`),
      );
      expect((await here(command, '--dry-run')).output).toContain(`${before} event`);
      expect((await here(command, '--all', '--dry-run')).output).toContain(`${before} event`);
      expect((await here(command, '--all', ...record(30))).problem?.message).toContain('--all goes without');
      expect(await due()).toBe(before);

      expect((await here(command, '--all', '--yes')).problem).toBeUndefined();
      expect(await due()).toBe(0);
      await world.settled();
    });
  });

  describe('drop', () => {
    it('settles dead events, once it is told --yes', async () => {
      await bury(20, ['a', 'b']);
      const refused = await webhooks('drop', ...record(20));
      expect(refused).toMatchObject({
        code: 1,
        errors: 'This drops 2 events, which are then never handled. Nothing was done: add --yes to do it.\n',
      });
      expect(await json('drop', ...record(20), '--dry-run')).toMatchObject({ changed: 2, dryRun: true });
      expect(await json('dead', ...record(20))).toHaveLength(2);

      const { output } = await webhooks('drop', ...record(20), '--yes', '--reason', 'the shop has closed');
      expect(output).toContain('Dropped 2 events.');
      expect(handled).toEqual([]);
      for (const event of await world.events(20))
        expect(event).toMatchObject({ state: 'ignored', last_error: 'dropped: the shop has closed' });
    });

    it('lets the record’s next events go on when the one that held them is dropped', async () => {
      broken.add(21);
      await world.deliver([
        anEvent({ objectId: 21, propertyValue: 'stuck' }),
        anEvent({ objectId: 21, propertyValue: 'next' }),
      ]);
      await world.settled();
      broken.delete(21);
      handled = [];
      await webhooks('drop', ...record(21), '--state', 'retrying', '--yes');
      await world.settled();
      expect(handled).toEqual([{ object: 21, value: 'next', attempt: 1 }]);
    });

    it('does not touch what is settled', async () => {
      expect((await webhooks('drop', '--state', 'done', '--yes')).errors).toContain('settled already');
    });
  });
});
