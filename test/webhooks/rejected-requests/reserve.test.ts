import { expect, it } from '@jest/globals';
import { until } from '../../helpers/until.ts';
import { startWorld } from '../../helpers/world.ts';

it('unsigned requests leave room for five rejected requests with a signature', async () => {
  // The clock stands still, so that the limit does not refill on a slow machine.
  const now = Date.now();
  const world = await startWorld({ clock: { now: () => now } });
  try {
    const post = async (headers: Record<string, string>) =>
      (await world.app('/webhook', { method: 'POST', body: '[]', headers })).status;
    const reasons = async () =>
      (await world.ctx.pool.query('select reason from webhook_refusals order by id')).rows.map(
        ({ reason }) => reason,
      );
    const kept = (count: number) =>
      until(`${count} rejected requests`, async () => (await reasons()).length >= count && reasons());

    for (let request = 0; request < 20; request += 1) expect(await post({})).toBe(401);
    await kept(5);
    for (let request = 0; request < 20; request += 1)
      expect(await post({ 'X-HubSpot-Signature-v3': 'forged' })).toBe(401);
    expect(await kept(10)).toEqual([
      ...Array(5).fill('no_signature'),
      ...Array(5).fill('timestamp_malformed'),
    ]);
  } finally {
    await world.close();
  }
});
