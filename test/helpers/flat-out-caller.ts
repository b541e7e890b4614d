import { createLogger } from '../../app/base/logger.ts';
import { loadConfig, readEnvironment } from '../../app/config.ts';
import { createContext } from '../../app/context.ts';
import type { CallLane } from '../../app/hubspot/client/budget.ts';
import { HubSpotError } from '../../app/hubspot/client/errors.ts';

/**
 * A process that calls HubSpot for one portal as fast as possible until it is stopped; then it reports how many
 * calls were answered and how many were rate-limited.
 */
const [portal = '', lane = 'general'] = process.argv.slice(2);
const config = loadConfig(readEnvironment());
const ctx = createContext(config, createLogger(config.logLevel, 'caller'), { coalesceCalls: false });
const hubspot = ctx.hubspotFor(Number(portal), 'background');
const calls: Record<CallLane, () => Promise<unknown>> = {
  general: () => hubspot.contacts.get('101'),
  search: () => hubspot.contacts.search({ query: 'example' }).next(),
};
const call = calls[lane as CallLane];
let going = true;
const told = { answered: 0, refused: 0, failed: 0 };

// Its code is compiled and a connection is open: calls of a cold process arrive too late for the window they count in.
for (let warm = 0; warm < 3; warm += 1) await call();

process.send?.('ready');
process.on('message', async (message) => {
  if (message === 'stop') going = false;
  else await callOn();
});

async function callOn() {
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      while (going) {
        try {
          await call();
          told.answered += 1;
        } catch (error) {
          if (error instanceof HubSpotError && error.status === 429) told.refused += 1;
          else told.failed += 1;
        }
      }
    }),
  );
  await ctx.close();
  process.send?.(told, undefined, undefined, () => process.exit(0));
}
