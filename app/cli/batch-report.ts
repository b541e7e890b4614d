import type { BatchOutcome } from '../hubspot/batch.ts';
import { HubSpotError } from '../hubspot/errors.ts';
import { ProblemError } from './command.ts';
import type { Output } from './output.ts';
import type { FileRow } from './records-file.ts';
import { adviceOn } from './refusal.ts';

export interface RowOutcome {
  readonly line: number;
  readonly id?: string | undefined;
  readonly reason?: string | undefined;
  /** The record that holds a value already which must be unique. */
  readonly existingId?: string | undefined;
  /** What stood in the way of its whole request: a limit and until when, a scope, the wrong data region. */
  readonly advice?: string | undefined;
}

/** What became of each row of a file, in its order. */
export const rowOutcomes = (
  rows: readonly FileRow[],
  outcomes: readonly BatchOutcome<unknown, { id: string } | unknown>[],
): RowOutcome[] =>
  outcomes.map(({ result, failure }, index) => ({
    line: rows[index]?.line ?? 0,
    id: typeof result === 'object' && result !== null && 'id' in result ? String(result.id) : undefined,
    reason: failure?.message,
    existingId: failure?.existingId,
    advice: failure?.error instanceof HubSpotError ? adviceOn(failure.error) : undefined,
  }));

/**
 * Says how many rows went well and why the others did not.
 * @throws {ProblemError} when any failed, so that the command ends with 1.
 */
export function reportRows(out: Output, what: string, rows: readonly RowOutcome[]): void {
  const failed = rows.filter(({ reason }) => reason !== undefined);
  const well = rows.length - failed.length;
  out.report(
    { before: `${what}: ${well} of ${rows.length} rows.`, rows: failed, columns: ['line', 'reason'] },
    { done: rows.filter(({ reason }) => reason === undefined), failed },
  );
  if (failed.length > 0) {
    const [advice = ''] = failed.flatMap(({ advice }) => (advice === undefined ? [] : ` ${advice}`));
    throw new ProblemError(`${failed.length} of ${rows.length} rows failed.${advice}`);
  }
}
