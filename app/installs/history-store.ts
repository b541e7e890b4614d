import type { Db } from '../db/pool.ts';
import type { Install, InstallState } from './install.ts';

export interface HistoryEntry {
  readonly at: Date;
  readonly installId: number;
  readonly fromState: InstallState | 'refreshing' | null;
  readonly toState: InstallState | 'refreshing';
  readonly reason: string;
  /** A refresh that did not change the state. Such rows are kept for some days only. */
  readonly routine: boolean;
}

/** A refresh begins, or ended without a change to the install's row. */
export interface RefreshNote {
  readonly install: Pick<Install, 'portalId' | 'tokenVersion'>;
  readonly toState: InstallState | 'refreshing';
  readonly reason: string;
}

/** Table `install_history`. Changes of an install's row are recorded by a trigger; this store adds the others. */
export const historyStore = {
  /** Oldest first. */
  async list(db: Db, portalId: number): Promise<HistoryEntry[]> {
    const { rows } = await db.query<HistoryEntry>(
      `select at, install_id as "installId", from_state as "fromState", to_state as "toState", reason, routine
       from install_history where portal_id = $1 order by id`,
      [portalId],
    );
    return rows;
  },

  /** Records what changes no row of `installs`. An install that has changed meanwhile gets no entry. */
  async addNotes(db: Db, notes: readonly RefreshNote[]): Promise<void> {
    await db.query({
      name: 'note-refreshes',
      // The lock keeps the note of a refresh from following the entry about the install's end.
      text: `with unchanged as (
           select portal_id, install_id, token_version from installs
           where (portal_id, token_version) in (select * from unnest($1::bigint[], $2::bigint[]))
           order by portal_id for share)
         insert into install_history (portal_id, install_id, from_state, to_state, reason, routine)
         select portal_id, install_id,
           (select to_state from install_history before where before.portal_id = unchanged.portal_id
            order by id desc limit 1),
           to_state, reason, true
         from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
           as note (portal_id, token_version, to_state, reason)
           join unchanged using (portal_id, token_version)`,
      values: [
        notes.map(({ install }) => install.portalId),
        notes.map(({ install }) => install.tokenVersion),
        notes.map(({ toState }) => toState),
        notes.map(({ reason }) => reason),
      ],
    });
  },

  /** Whether any install's token was refreshed after `after`. */
  async hasRefreshAfter(db: Db, after: Date): Promise<boolean> {
    const { rows } = await db.query<{ refreshed: boolean }>(
      `select exists (select from install_history where at > $1 and reason = 'refreshed') as refreshed`,
      [after],
    );
    return rows[0]?.refreshed ?? false;
  },

  /** Deletes a page of routine entries from before `before`. @returns the number of deleted rows. */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      `delete from install_history where id in (
         select id from install_history where at < $1 and routine limit $2)`,
      [before, limit],
    );
    return rowCount ?? 0;
  },
};
