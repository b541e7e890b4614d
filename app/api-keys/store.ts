import type { Db } from '../db/pool.ts';

export interface ApiKey {
  /** The public part of the key. */
  readonly id: string;
  readonly name: string;
  /** The portal that the key is limited to; null for all. */
  readonly portalId: number | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

const COLUMNS = `id, name, portal_id as "portalId", created_at as "createdAt", last_used_at as "lastUsedAt",
  revoked_at as "revokedAt"`;

/** Table `api_keys`: the keys with the hashes of their secret parts. */
export const apiKeysStore = {
  async add(db: Db, key: Pick<ApiKey, 'id' | 'name' | 'portalId'>, secretHash: Buffer): Promise<void> {
    await db.query('insert into api_keys (id, name, portal_id, secret_hash) values ($1, $2, $3, $4)', [
      key.id,
      key.name,
      key.portalId,
      secretHash,
    ]);
  },

  async find(db: Db, id: string): Promise<(ApiKey & { secretHash: Buffer }) | undefined> {
    const { rows } = await db.query(
      `select ${COLUMNS}, secret_hash as "secretHash" from api_keys where id = $1`,
      [id],
    );
    return rows[0];
  },

  async list(db: Db): Promise<ApiKey[]> {
    const { rows } = await db.query<ApiKey>(`select ${COLUMNS} from api_keys order by created_at`);
    return rows;
  },

  /** Records the use, at most once a minute, to show whether the key is still needed. */
  async touch(db: Db, id: string): Promise<void> {
    await db.query(
      `update api_keys set last_used_at = now()
       where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
      [id],
    );
  },

  /** @returns false when there is no valid key with this id. */
  async revoke(db: Db, id: string): Promise<boolean> {
    const { rowCount } = await db.query(
      'update api_keys set revoked_at = now() where id = $1 and revoked_at is null',
      [id],
    );
    return rowCount === 1;
  },
};
