import type { Db } from '../../db/pool.ts';

/** Table `key_canaries`: one known text, encrypted with each key in use. */
export const keyCanariesStore = {
  async addIfNew(db: Db, keyId: string, value: string): Promise<void> {
    await db.query('insert into key_canaries (key_id, value) values ($1, $2) on conflict do nothing', [
      keyId,
      value,
    ]);
  },

  async list(db: Db): Promise<{ keyId: string; value: string }[]> {
    const { rows } = await db.query<{ keyId: string; value: string }>(
      'select key_id as "keyId", value from key_canaries order by created_at',
    );
    return rows;
  },

  /** Deletes keys that no stored value needs. */
  async retire(db: Db, keyIds: readonly string[]): Promise<void> {
    await db.query('delete from key_canaries where key_id = any($1)', [keyIds]);
  },
};
