import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadConfig } from '../app/config.ts';
import { createPool, type Pool } from '../app/db/pool.ts';
import { createInstallsStore } from '../app/installs/store.ts';
import { createTokenSeal } from '../app/installs/tokens/token-seal.ts';
import { count, inTurn, rate, ratio, type Surroundings, settings, withSurroundings } from './measure.ts';

const ROUNDS = 3;
/** As many as the sweep has under way. */
const CONNECTIONS = 20;

interface Size {
  readonly installs: number;
  readonly due: number;
}

interface Swept {
  readonly seconds: number;
  readonly peakMb: number;
}

/**
 * The sweep over 100,000 installs of which 20,000 are due, against the same token requests with nothing around
 * them; and the peak memory of the process that refreshes, beside that with a tenth of the installs.
 */
export default async function benchRefresh(): Promise<string[]> {
  // All of them are due: the garbage of a few requests more or less is not what is compared.
  const small = await withSurroundings((place) => measure(place, { installs: 10_000, due: 10_000 }));
  const large = await withSurroundings((place) => measure(place, { installs: 100_000, due: 20_000 }));
  return [small, large].map(
    ({ installs, due, ours, theirs, peakMb }) =>
      `${count(installs)} installs, ${count(due)} due: ${rate(due, ours)} refreshes/s, ` +
      `${rate(due, theirs)} bare token requests/s over ${CONNECTIONS} connections: ratio ${ratio(ours, theirs)}; ` +
      `peak memory of the process that refreshes ${Math.round(peakMb)} MB`,
  );
}

async function measure(place: Surroundings, { installs, due }: Size) {
  const { said } = await place.start('../sandbox/main.ts', { SANDBOX_PORT: '0' });
  const { url } = said as { url: string };
  const env = settings(place.databaseUrl, url);
  const config = loadConfig(env);
  const pool = createPool(config.database, () => {});
  try {
    const tokens = await seed(pool, url, config, { installs, due });
    const file = path.join(place.folder, 'refresh-tokens.json');
    await writeFile(file, JSON.stringify(tokens));
    const token = `${url}/oauth/2026-03/token`;
    const bare = await place.start('bare-tokens.ts', {}, [token, String(CONNECTIONS), file]);
    const peaks: number[] = [];

    const [ours, theirs] = await inTurn(
      ROUNDS,
      async () => {
        await makeDue(pool, due);
        const sweep = await place.start('refresh-sweep.ts', env);
        const { seconds, peakMb } = await ask<Swept>(sweep.child);
        peaks.push(peakMb);
        sweep.child.kill('SIGKILL');
        await requireNothingDue(pool);
        return seconds;
      },
      async () => (await ask<{ seconds: number }>(bare.child)).seconds,
    );
    return { installs, due, ours, theirs, peakMb: Math.max(...peaks) };
  } finally {
    await pool.end();
  }
}

async function ask<Answer>(child: ChildProcess): Promise<Answer> {
  const answer = once(child, 'message');
  child.send('go');
  const [said] = await answer;
  return said;
}

/** @returns the refresh tokens of the installs that will be due. */
async function seed(
  pool: Pool,
  url: string,
  { tokenKeys }: ReturnType<typeof loadConfig>,
  { installs, due }: Size,
): Promise<string[]> {
  const store = createInstallsStore(createTokenSeal(tokenKeys));
  const response = await fetch(`${url}/_sandbox/portals`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from: 1, count: due, installed: true }),
  });
  const { results } = (await response.json()) as {
    results: { portalId: number; accessToken: string; refreshToken: string }[];
  };
  const waiting = results.values();
  const later = new Date(Date.now() + 3_600_000);
  await Promise.all(
    Array.from({ length: 15 }, async () => {
      for (const { portalId, accessToken, refreshToken } of waiting) {
        await store.save(pool, {
          portalId,
          appId: 193354,
          userId: null,
          userEmail: null,
          hubDomain: null,
          partnerUser: null,
          scopes: ['oauth'],
          accessToken,
          refreshToken,
          accessTokenExpiresAt: later,
          refreshDueAt: later,
        });
      }
    }),
  );
  // The others only have to be there: no sweep reads more of them than their place in the index.
  await pool.query(
    `insert into installs (portal_id, app_id, scopes, state, access_token, refresh_token, access_token_expires_at, refresh_due_at)
     select n, app_id, scopes, state, access_token, refresh_token, access_token_expires_at, refresh_due_at
     from generate_series($1::int, $2::int) n, (select * from installs limit 1) model`,
    [due + 1, installs],
  );
  await pool.query('vacuum analyze installs');
  return results.map(({ refreshToken }) => refreshToken);
}

async function makeDue(pool: Pool, due: number): Promise<void> {
  await pool.query(
    `update installs set refresh_due_at = now() - random() * interval '1 minute' where portal_id <= $1`,
    [due],
  );
}

async function requireNothingDue(pool: Pool): Promise<void> {
  const { rows } = await pool.query(
    `select count(*) from installs where refresh_due_at <= now() or state <> 'active'`,
  );
  if (rows[0].count > 0) throw new Error(`${rows[0].count} installs were not refreshed.`);
}
