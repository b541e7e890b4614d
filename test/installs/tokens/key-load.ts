import { loadConfig } from '../../../app/config.ts';
import { type Context, createContext } from '../../../app/context.ts';
import type { World } from '../../helpers/world.ts';

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64url');

/** Settings of `TOKEN_KEYS` before, during and after a rotation. */
export const OLD_RING = `old:${key(1)}`;
export const BOTH_RING = `new:${key(2)},old:${key(1)}`;
export const NEW_RING = `new:${key(2)}`;
export const WRONG_RING = `old:${key(3)}`;

/** The app as it is after a start with these keys. */
export function withKeys(world: World, TOKEN_KEYS: string): Context {
  return createContext(loadConfig({ ...world.settings, TOKEN_KEYS }), world.ctx.logger);
}

/** How many stored values carry each key id, over all columns that are encrypted. */
export async function keyIds(ctx: Context): Promise<Record<string, number>> {
  const { rows } = await ctx.pool.query(
    `select split_part(value, '.', 2) as id, count(*) from (
       select access_token as value from installs union all
       select refresh_token from installs union all
       select sealed from client_secrets union all
       select value from key_canaries
     ) used where value is not null group by id`,
  );
  return Object.fromEntries(rows.map(({ id, count }) => [id, count]));
}

/**
 * Calls and refreshes of two processes, one after another in each of their lanes, until `stop`.
 * @returns what was done, and what went wrong.
 */
export function startLoad(contexts: readonly Context[], portals: readonly number[], lanes = 4) {
  let running = true;
  const done = { reads: 0, refreshes: 0, failures: [] as string[] };
  const any = () => portals[Math.floor(Math.random() * portals.length)] ?? 0;

  async function work({ services }: Context) {
    while (running) {
      try {
        await services.tokens.accessTokenFor(any());
        done.reads += 1;
        await services.tokens.refreshNow(any());
        done.refreshes += 1;
      } catch (error) {
        done.failures.push(String(error));
      }
    }
  }

  const working = contexts.flatMap((ctx) => Array.from({ length: lanes }, () => work(ctx)));
  return {
    done,
    async stop() {
      running = false;
      await Promise.all(working);
      return done;
    },
  };
}
