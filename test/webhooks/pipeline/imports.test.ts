import { describe, expect, it } from '@jest/globals';
import { defineHandler } from '../../../app/webhooks/handler.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, THEN } from '../../helpers/webhook-world.ts';
import { contactsOfOneLane, createGate, inParts, onChange, split, withWorkers } from './order-helpers.ts';

describe('imports', () => {
  const anImport = (fields: Record<string, unknown>) => anEvent({ changeSource: 'IMPORT', ...fields });

  it('run after a normal event that arrives later than thousands of imports', () => {
    let imports = 0;
    let importsBefore: number | undefined;
    const gate = createGate();
    const handler = onChange(async ({ objectId }) => {
      await gate.opened;
      if (objectId === 5_000) importsBefore = imports;
      else imports += 1;
    });
    return inWebhookWorld([handler], async (world) => {
      const events = Array.from({ length: 3_000 }, (_, index) => anImport({ objectId: index % 600 }));
      for (const part of inParts(events, 100)) await world.deliver(part);
      await until('the imports to be stored', async () => {
        const [row] = await world.query(`select count(*) from webhook_events`);
        return row.count === 3_000;
      });
      await world.deliver([anEvent({ objectId: 5_000 })]);
      await until('the normal one to be stored', async () => (await world.events(5_000)).length === 1);
      gate.open();
      await world.settled();
      expect(imports).toBe(3_000);
      expect(importsBefore).toBeLessThan(1_500);
    });
  });

  it('that are retried run after normal events of other records', () => {
    const handled: string[] = [];
    let broken = true;
    const handler = defineHandler({
      name: 'fragile',
      on: 'contact.propertyChange',
      when: { properties: ['phone'] },
      async handle({ objectId, changeSource }) {
        if (broken) throw new Error('the warehouse does not answer');
        handled.push(`${changeSource} ${objectId}`);
      },
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        const [other, last, ...contacts] = contactsOfOneLane(300);
        for (const part of inParts([...contacts, last], 100))
          await world.deliver(part.map((objectId) => anImport({ objectId })));
        await withWorkers([world.ctx], () => world.settled());
        broken = false;
        await world.deliver([anEvent({ objectId: other }), anEvent({ objectId: last })]);
        await split(world);
        await world.retryNow();
        await withWorkers([world.ctx], () => until('all to be done', () => handled.length === 301));
        const [one, two, three] = handled;
        expect([one, two].toSorted()).toEqual([`CRM_UI ${other}`, `IMPORT ${last}`]);
        expect(three).toBe(`CRM_UI ${last}`);
      },
      { worker: false },
    );
  });

  it('run in order with the normal events of their record', () => {
    const handled = new Map<number, number[]>();
    const handler = onChange(async ({ objectId, occurredAt }) => {
      handled.set(objectId, [...(handled.get(objectId) ?? []), occurredAt]);
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        const at = (objectId: number, moment: number) => ({ objectId, occurredAt: THEN + moment });
        // Imports before a later normal event, after it, in the same delivery, and in two deliveries at once.
        await world.deliver([anImport(at(1, 1)), anImport(at(1, 2)), anImport(at(1, 4))]);
        await split(world);
        await world.deliver([anEvent(at(1, 3)), anEvent(at(2, 2))]);
        await split(world);
        await world.deliver([anImport(at(2, 1)), anImport(at(2, 3))]);
        await world.deliver([anEvent(at(3, 2)), anImport(at(3, 1)), anImport(at(3, 3))]);
        await split(world);
        await withWorkers([world.ctx], () => world.settled());
        expect(Object.fromEntries(handled)).toEqual({ 1: [1, 2, 3, 4], 2: [1, 2, 3], 3: [1, 2, 3] });
      },
      { worker: false },
    );
  });

  it('get normal priority when they fail and normal events of their record have arrived', () => {
    const gate = createGate();
    let underWay = false;
    const handler = onChange(async (_, { db }) => {
      await db.query('select');
      underWay = true;
      await gate.opened;
      throw new Error('the warehouse does not answer');
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anImport({ objectId: 101 })]);
      await until('the import to be under way', () => underWay);
      await world.deliver([anEvent({ objectId: 101 })]);
      await until('the normal one to be stored', async () => (await world.events(101)).length === 2);
      gate.open();
      await until('the import to fail', async () => (await world.events(101))[0]?.state === 'retrying');
      expect(await world.query('select distinct priority from webhook_events')).toEqual([{ priority: 0 }]);
    });
  });

  it('do not block other records while one is being handled', () => {
    const handled: number[] = [];
    const gate = createGate();
    let isUnderWay = false;
    const handler = onChange(async ({ objectId }, { db }) => {
      await db.query('select');
      isUnderWay = true;
      if (objectId === 101) await gate.opened;
      handled.push(objectId);
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anImport({ objectId: 101 })]);
      await until('the import to be under way', () => isUnderWay);
      // The normal event of the same record promotes the import.
      await world.deliver([anEvent({ objectId: 101 }), anEvent({ objectId: 102 })]);
      await until('the other record', () => handled.includes(102));
      gate.open();
      await world.settled();
      expect(handled).toEqual([102, 101, 101]);
    });
  });
});
