import type { Db } from '../../db/pool.ts';

/** A step of a handler for one event. */
export interface StepKey {
  readonly eventId: string;
  readonly handler: string;
  readonly name: string;
}

export interface StoredStep {
  readonly state: 'running' | 'done';
  /** Null for no result. */
  readonly result: unknown;
}

const valuesOf = ({ eventId, handler, name }: StepKey) => [eventId, handler, name];

/** Table `webhook_steps`. Rows are deleted with their event, when the contact is erased, and when the event is replayed. */
export const webhookStepsStore = {
  /** @returns true when the step begins; false when it exists, or the event is not due. */
  async begin(db: Db, key: StepKey): Promise<boolean> {
    const { rowCount } = await db.query(
      `insert into webhook_steps (event_id, handler, name)
       select id, $2, $3 from webhook_events where id = $1 and state in ('waiting', 'retrying')
       on conflict do nothing`,
      valuesOf(key),
    );
    return rowCount === 1;
  },

  /** Undefined unless the event is due and the step has begun. */
  async find(db: Db, key: StepKey): Promise<StoredStep | undefined> {
    const { rows } = await db.query<StoredStep>(
      `select s.state, s.result from webhook_steps s join webhook_events e on e.id = s.event_id
       where s.event_id = $1 and s.handler = $2 and s.name = $3 and e.state in ('waiting', 'retrying')`,
      valuesOf(key),
    );
    return rows[0];
  },

  /** Not for an event that has been erased meanwhile: the result may contain personal data. */
  async done(db: Db, key: StepKey, result: string | null): Promise<void> {
    await db.query(
      `update webhook_steps s set state = 'done', result = $4::json from webhook_events e
       where s.event_id = $1 and s.handler = $2 and s.name = $3 and e.id = s.event_id and e.event is not null`,
      [...valuesOf(key), result],
    );
  },

  /** The step was not done, so the next attempt begins it again. */
  async forget(db: Db, key: StepKey): Promise<void> {
    await db.query(
      'delete from webhook_steps where event_id = $1 and handler = $2 and name = $3',
      valuesOf(key),
    );
  },
};
