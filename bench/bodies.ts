import { createPool, type Pool } from '../app/db/pool.ts';
import { webhookDeliveriesStore } from '../app/webhooks/deliveries-store.ts';
import { inTurn, ratio, type Surroundings, withSurroundings } from './measure.ts';

const ROUNDS = 40;
const EVENT_BYTES = 300;

/** Storing deliveries: their bytes as one parameter (ours) against an array of buffers, in turn. */
export default () => withSurroundings(benchBodies);

async function benchBodies({ databaseUrl }: Surroundings): Promise<string[]> {
  const pool = createPool({ url: databaseUrl }, console.error);
  const lines: string[] = [];
  for (const [deliveries, events] of [
    [20, 1],
    [200, 1],
    [10, 100],
    [100, 100],
  ] as const) {
    const bodies = Array.from({ length: deliveries }, () => Buffer.alloc(EVENT_BYTES * events, 'x'));
    const [ours, array] = await inTurn(
      ROUNDS,
      () => timed(pool, () => webhookDeliveriesStore.add(pool, bodies)),
      () => timed(pool, () => addArray(pool, bodies)),
    );
    lines.push(`${deliveries} deliveries of ${events} events: ratio ${ratio(ours, array)}`);
  }
  await pool.end();
  return lines;
}

const addArray = (pool: Pool, bodies: readonly Buffer[]) =>
  pool.query({
    name: 'add-array',
    text: 'insert into webhook_deliveries (body) select unnest($1::bytea[])',
    values: [bodies],
  });

async function timed(pool: Pool, work: () => Promise<unknown>): Promise<number> {
  await pool.query('truncate webhook_deliveries');
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}
