import { expect, it } from '@jest/globals';
import { createDeliverySender } from '../helpers/deliveries.ts';
import { startWorld } from '../helpers/world.ts';

it('stores deliveries while other requests use all other connections of the process', async () => {
  const world = await startWorld({ process: 'web' });
  const { pool } = world.ctx;
  try {
    const held = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()));
    const hubspot = createDeliverySender({ url: world.serverUrl });
    const { status } = await hubspot.send([
      { portalId: 62515, subscriptionType: 'contact.creation', objectId: 1 },
    ]);
    expect(status).toBe(204);
    for (const client of held) client.release();
    const { rows } = await pool.query('select count(*) from webhook_deliveries');
    expect(rows).toEqual([{ count: 1 }]);
  } finally {
    await world.close();
  }
});
