import got from 'got';
import { createLogger } from '../app/base/logger.ts';
import { createContext } from '../app/context.ts';
import { installPortal } from './installed-portal.ts';
import { count, inTurn, rate, ratio, type Surroundings, withSurroundings } from './measure.ts';

const CALLS = 2_000;
const AT_ONCE = 8;
const AT_REST = 500;
const ROUNDS = 5;
const CONTACTS = 100_000;

/** A budget in which each call reserves its place and none has to wait for it. */
const NEVER_FULL = { calls: 1_000, windowMs: 100, untilAnswered: false };

/**
 * A service call against bare got on the same sandbox route, in turn in one run: without the call budget, and with one
 * that is never full, as HubSpot's own would hold all to eleven calls a second. And memory while iterating 100,000
 * contacts.
 */
export default () => withSurroundings(benchClient);

async function benchClient(surroundings: Surroundings): Promise<string[]> {
  const portal = await installPortal(surroundings);
  const { ctx, config, url, portalId } = portal;
  const limits = { ...config.hubspot.limits, general: NEVER_FULL };
  const settled = { ...config, hubspot: { ...config.hubspot, limits } };
  const logger = createLogger('warn', 'bench');
  const budgeted = createContext(settled, logger, { coalesceCalls: false });
  const coalescing = createContext(settled, logger);
  try {
    const hubspot = ctx.hubspotFor(portalId);
    const { contact } = await hubspot.contacts.createOrUpdate('bench@example.com', { firstname: 'Bench' });
    const route = `${url}/crm/objects/2026-09/contacts/${contact.id}?properties=email%2Cfirstname`;
    const headers = { authorization: `Bearer ${portal.accessToken}` };

    const withBudget = budgeted.hubspotFor(portalId);
    const [service, reserving, bare] = await inTurn(
      ROUNDS,
      () => timed(() => hubspot.contacts.get(contact.id, ['email', 'firstname'])),
      () => timed(() => withBudget.contacts.get(contact.id, ['email', 'firstname'])),
      () => timed(() => got(route, { headers, retry: { limit: 0 } }).json()),
    );
    const lines = [
      `service call ${rate(CALLS, service)} calls/s, bare got ${rate(CALLS, bare)} calls/s: ratio ${ratio(service, bare)}`,
      `with a place in the budget for each call ${rate(CALLS, reserving)} calls/s: ratio ${ratio(reserving, bare)}`,
    ];

    const together = coalescing.hubspotFor(portalId);
    const oneByOne = async (client: typeof hubspot) => {
      const started = performance.now();
      for (let call = 0; call < AT_REST; call += 1) await client.contacts.get(contact.id, ['email']);
      return (performance.now() - started) / 1000;
    };
    const [coalesced, alone] = await inTurn(
      ROUNDS,
      () => oneByOne(together),
      () => oneByOne(withBudget),
    );
    lines.push(
      `a single call at rest: ${((coalesced / AT_REST) * 1000).toFixed(2)} ms with coalescing, ${((alone / AT_REST) * 1000).toFixed(2)} ms without: ratio ${ratio(coalesced, alone)}`,
    );

    for (let made = 0; made < CONTACTS; made += 100) {
      const inputs = Array.from({ length: 100 }, (_, at) => ({
        properties: { email: `c${made + at}@example.com`, firstname: `First ${made + at}` },
      }));
      await got.post(`${url}/crm/objects/2026-09/contacts/batch/create`, { headers, json: { inputs } });
    }
    const memory: number[] = [];
    let seen = 0;
    for await (const _ of hubspot.contacts.list({ limit: 100 })) {
      seen += 1;
      if (seen % 10_000 === 0) {
        globalThis.gc?.();
        memory.push(Math.round(process.memoryUsage().rss / 1024 / 1024));
      }
    }
    lines.push(
      `iterating ${count(seen)} contacts: ${memory[0]} MB after 10,000, ${memory.at(-1)} MB at the end`,
    );
    return lines;
  } finally {
    await coalescing.close();
    await budgeted.close();
    await ctx.close();
  }
}

/** Seconds for CALLS calls, some at once. */
async function timed(call: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let left = CALLS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        left -= 1;
        await call();
      }
    }),
  );
  return (performance.now() - started) / 1000;
}
