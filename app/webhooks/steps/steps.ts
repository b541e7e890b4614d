import type { Pool } from '../../db/pool.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import { PermanentError } from '../permanent-error.ts';
import { EventNotDue } from '../pipeline/event-transaction.ts';
import { type StepKey, webhookStepsStore } from './store.ts';

export interface StepOptions<Result> {
  /**
   * What to do when an earlier attempt may have done the step: its process died in it, or HubSpot did not confirm a
   * call. `repeat` does it again, `fail` ends the event as a dead letter. A function finds out: it returns the result
   * when the step was done, and undefined when it was not. By default `repeat`.
   */
  readonly onUnknown?: 'repeat' | 'fail' | (() => Promise<Result | undefined>);
}

/** Runs a step of a handler; see `WebhookContext.step`. */
export type RunStep = <Result>(
  name: string,
  work: () => Promise<Result>,
  options?: StepOptions<Result>,
) => Promise<Result>;

/** Steps are stored outside of the handler's transaction, because their effects cannot be rolled back. */
export const createSteps =
  (pool: Pool) =>
  (eventId: string, handler: string): RunStep =>
  async <Result>(
    name: string,
    work: () => Promise<Result>,
    { onUnknown = 'repeat' }: StepOptions<Result> = {},
  ): Promise<Result> => {
    const key: StepKey = { eventId, handler, name };
    if (!(await webhookStepsStore.begin(pool, key))) {
      const found = await webhookStepsStore.find(pool, key);
      if (!found) throw new EventNotDue('It is not the turn of this event.');
      // JSON has no undefined.
      if (found.state === 'done') return (found.result ?? undefined) as Result;
      if (onUnknown === 'fail') {
        throw new PermanentError(
          `The step "${name}" may have been done by an earlier attempt. Check it, then replay or drop the event.`,
        );
      }
      const known = onUnknown === 'repeat' ? undefined : await onUnknown();
      if (known !== undefined) return done(pool, key, known);
    }
    return done(pool, key, await run(pool, key, work));
  };

async function run<Result>(pool: Pool, key: StepKey, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const isUnknown = error instanceof HubSpotError && error.maybeDone;
    if (!isUnknown) await webhookStepsStore.forget(pool, key);
    throw error;
  }
}

async function done<Result>(pool: Pool, key: StepKey, result: Result): Promise<Result> {
  await webhookStepsStore.done(pool, key, result === undefined ? null : JSON.stringify(result));
  return result;
}
