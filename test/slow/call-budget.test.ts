import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startProcess } from '../helpers/processes.ts';
import { startWorld, type World } from '../helpers/world.ts';

const SECONDS = 30;

describe('three processes that call flat out for one portal', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await world.install();
  });
  afterAll(() => world.close());

  it.each([
    { lane: 'general', perSecond: 11 },
    { lane: 'search', perSecond: 5 },
  ])(
    'use the $lane budget, stay within HubSpot’s limit, and let interactive calls through',
    async ({ lane, perSecond }) => {
      const callers = await Promise.all(
        [1, 2, 3].map(() => startProcess('test/helpers/flat-out-caller.ts', world.settings, ['62515', lane])),
      );
      const [before, refusedBefore] = [await requests(), await refusals()];
      const started = performance.now();
      for (const { child } of callers) child.send('go');

      // A person's call each second, beside the background's.
      const waits: number[] = [];
      const hubspot = world.ctx.hubspotFor(62515, 'interactive');
      while (performance.now() - started < SECONDS * 1000) {
        const asked = performance.now();
        await (lane === 'search'
          ? hubspot.contacts.search({ query: 'example' }).next()
          : hubspot.contacts.get('102'));
        waits.push(performance.now() - asked);
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 - (performance.now() - asked))));
      }
      const told = await Promise.all(
        callers.map(async ({ child }) => {
          child.send('stop');
          return (await once(child, 'message'))[0] as { answered: number; refused: number; failed: number };
        }),
      );
      const seconds = (performance.now() - started) / 1000;
      const sent = (await requests()) - before;

      expect(told.every(({ refused, failed }) => refused === 0 && failed === 0)).toBe(true);
      // On a busy machine a call may arrive later than the margin of its window allows; it is retried.
      expect(((await refusals()) - refusedBefore) / sent).toBeLessThan(0.01);
      expect(sent / seconds / perSecond).toBeGreaterThanOrEqual(0.9);
      // But for one that met the limit.
      expect(waits.toSorted((a, b) => b - a)[1]).toBeLessThan(1_000);
    },
  );

  async function requests(): Promise<number> {
    return (await world.sandbox.read('requests?path=/crm/objects/*')).results.length;
  }

  async function refusals(): Promise<number> {
    const { results } = await world.sandbox.read('requests?path=/crm/objects/*');
    return results.filter(({ status }: { status: number }) => status === 429).length;
  }
});
