import { createLogger } from '../../../app/base/logger.ts';
import { loadConfig } from '../../../app/config.ts';
import { createContext } from '../../../app/context.ts';
import { HubSpotError } from '../../../app/hubspot/client/errors.ts';

/** What the parent process asks for: so many calls at once, spread over these portals. */
export interface Command {
  readonly portals: readonly number[];
  readonly calls: number;
  /** `tokens`: only ask for access tokens. `data`: call HubSpot's contacts API with them. */
  readonly via: 'tokens' | 'data';
  /** How far ahead of the machine's the app's clock is. */
  readonly aheadMs: number;
}

export interface Outcome {
  /** Error messages of the calls that failed. */
  readonly failures: readonly string[];
  /** Every access token that was handed out, once. */
  readonly tokens: readonly string[];
}

/** A process of the app that does on command what requests and jobs do in a real one. */
const config = loadConfig(process.env);
let ahead = 0;
const clock = { now: () => Date.now() + ahead };
const ctx = createContext(config, createLogger(config.logLevel, 'caller'), { clock });

process.on('message', async ({ portals, calls, via, aheadMs }: Command) => {
  ahead = aheadMs;
  const failures: string[] = [];
  const tokens = new Set<string>();
  const call = async (portalId: number) => {
    if (via === 'tokens') tokens.add(await ctx.services.tokens.accessTokenFor(portalId));
    else await readContact(portalId);
  };
  await Promise.all(
    Array.from({ length: calls }, (_, index) =>
      call(portals[index % portals.length] ?? 0).catch((error) => failures.push(String(error))),
    ),
  );
  const outcome: Outcome = { failures, tokens: [...tokens] };
  process.send?.(outcome);
});
process.once('disconnect', () => process.exit());
process.send?.('ready');

/** These portals have no contacts: a 404 shows that the token was good. */
async function readContact(portalId: number): Promise<void> {
  await ctx
    .hubspotFor(portalId)
    .contacts.get('1')
    .catch((error) => {
      if (!(error instanceof HubSpotError && error.status === 404)) throw error;
    });
}
