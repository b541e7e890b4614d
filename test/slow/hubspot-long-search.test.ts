import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';

/** A little more than HubSpot shows of one search. */
const MADE = 10_050;

describe('a search with more than 10,000 results', () => {
  let world: CrmWorld;
  let tasks: CrmWorld['hubspot']['tasks'];
  beforeAll(async () => {
    world = await startCrmWorld();
    tasks = world.hubspot.tasks;
    await tasks.batchCreate(
      Array.from({ length: MADE }, (_, at) => ({ properties: { hs_task_subject: `Task ${at}` } })),
    );
  });
  afterAll(() => world.close());

  const filter = (propertyName: string) => ({ propertyName, operator: 'HAS_PROPERTY' }) as const;

  it('continues after them by record id and returns each record once', async () => {
    let ids: string[] = [];
    const requests = await world.requestsOf(async () => {
      const found = await Array.fromAsync(
        tasks.search({ filters: [filter('hs_task_subject')], properties: [] }),
      );
      ids = found.map(({ id }) => id);
    });
    expect(ids).toHaveLength(MADE);
    expect(new Set(ids).size).toBe(MADE);
    expect(requests.at(-1)?.body.filterGroups[0].filters[1]).toMatchObject({
      propertyName: 'hs_object_id',
      operator: 'GT',
    });
    expect(requests.every(({ status }) => status === 200)).toBe(true);
  });

  it('fails after 10,000 with the reason when it is sorted', async () => {
    let seen = 0;
    const search = async () => {
      for await (const _ of tasks.search({ sort: { propertyName: 'hs_timestamp' } })) seen += 1;
    };
    await expect(search()).rejects.toMatchObject({
      code: 'search_too_long',
      message: expect.stringContaining('hs_timestamp'),
    });
    expect(seen).toBe(10_000);
  });

  it('does not affect reading changes, even if all were changed at the same time', async () => {
    const at = '2026-11-20T09:00:00.000Z';
    await world.sandbox.control('changed', { portalId: 62515, objectType: 'task', at });
    const changes = await Array.fromAsync(tasks.changedSince(new Date(at), { properties: [] }));
    expect(new Set(changes.map(({ id }) => id)).size).toBe(MADE);
    expect(changes).toHaveLength(MADE);
    const middle = changes[10_020]?.cursor;
    expect(middle).toBe(`${at}/${changes[10_020]?.id}`);
    const rest = await Array.fromAsync(tasks.changedSince(new Date(0), { cursor: middle }));
    expect(rest.map(({ id }) => id)).toEqual(changes.slice(10_021).map(({ id }) => id));
  });

  it('fails with the reason when no filter can be added', async () => {
    const filters = Array.from({ length: 6 }, () => filter('hs_task_subject'));
    await expect(Array.fromAsync(tasks.search({ filters }))).rejects.toMatchObject({
      code: 'search_too_long',
      message: expect.stringContaining('fewer filters'),
    });
  });
});
