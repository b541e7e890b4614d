import { createHash } from 'node:crypto';
import { DecryptionError, decrypt, encrypt, type KeyRing } from '../../db/key-ring.ts';
import type { Db, Pool } from '../../db/pool.ts';

/** HubSpot signs with the present secret or with the one before it; older ones are of no use. */
const MOST_FORMER = 10;

export type ClientSecrets = ReturnType<typeof createClientSecrets>;

interface Dependencies {
  pool: Pool;
  ring: KeyRing;
  /** The client secrets of the settings. */
  configured: readonly string[];
}

/** Table `client_secrets`: every client secret that was ever configured, encrypted. */
export function createClientSecrets({ pool, ring, configured }: Dependencies) {
  return {
    /** Stores the configured secrets, encrypted with the newest key. */
    async remember(): Promise<void> {
      for (const secret of configured) {
        const hash = hashOf(secret);
        await pool.query(
          `insert into client_secrets (hash, sealed) values ($1, $2)
           on conflict (hash) do update set sealed = excluded.sealed`,
          [hash, encrypt(ring, secret, boundTo(hash))],
        );
      }
    },

    /** Secrets that were configured before, newest first, without those that no key opens. */
    async former(): Promise<string[]> {
      const { rows } = await pool.query<{ hash: Buffer; sealed: string }>(
        'select hash, sealed from client_secrets where hash <> all($1) order by first_seen_at desc limit $2',
        [configured.map(hashOf), MOST_FORMER],
      );
      return rows.flatMap(({ hash, sealed }) => open(hash, sealed) ?? []);
    },

    /** Encrypts with the newest key what is encrypted with another one. */
    async reseal(db: Db): Promise<void> {
      const newest = `v1.${ring[0]?.id}.`;
      const { rows } = await db.query<{ hash: Buffer; sealed: string }>(
        'select hash, sealed from client_secrets where not starts_with(sealed, $1)',
        [newest],
      );
      for (const { hash, sealed } of rows) {
        const secret = open(hash, sealed);
        if (secret !== undefined) {
          await db.query('update client_secrets set sealed = $2 where hash = $1 and sealed = $3', [
            hash,
            encrypt(ring, secret, boundTo(hash)),
            sealed,
          ]);
        }
      }
    },
  };

  function open(hash: Buffer, sealed: string): string | undefined {
    try {
      return decrypt(ring, sealed, boundTo(hash));
    } catch (error) {
      if (error instanceof DecryptionError) return undefined;
      throw error;
    }
  }
}

const hashOf = (secret: string) => createHash('sha256').update(secret).digest();
const boundTo = (hash: Buffer) => `client_secrets/${hash.toString('hex')}`;
