import type { BatchOutcome } from '../hubspot/client/batch.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import { ProblemError } from './command.ts';
import type { Output } from './output.ts';
import type { FileRow } from './records-file.ts';
import { adviceOn } from './refusal.ts';
import { UnconfirmedError } from './unconfirmed.ts';

export interface RowOutcome {
  readonly line: number;
  readonly id?: string | undefined;
  readonly reason?: string | undefined;
  /** The record that already has a value which must be unique. */
  readonly existingId?: string | undefined;
  /** It may have been processed nevertheless. */
  readonly unconfirmed?: boolean | undefined;
  /** Why its whole request failed: a rate limit and its end, a scope, the wrong data region. */
  readonly advice?: string | undefined;
}

/** The outcome of each row of a file, in order. */
export const rowOutcomes = (
  rows: readonly FileRow[],
  outcomes: readonly BatchOutcome<unknown, { id: string } | unknown>[],
): RowOutcome[] =>
  outcomes.map(({ result, failure }, index) => ({
    line: rows[index]?.line ?? 0,
    id: typeof result === 'object' && result !== null && 'id' in result ? String(result.id) : undefined,
    reason: failure?.message,
    existingId: failure?.existingId,
    unconfirmed: failure?.maybeDone,
    advice: failure?.error instanceof HubSpotError ? adviceOn(failure.error) : undefined,
  }));

/**
 * Prints how many rows succeeded, and why the others failed or are unconfirmed.
 * @param check explains how to check a number of unconfirmed rows.
 * @throws {ProblemError} when any row failed, for exit code 1.
 * @throws {UnconfirmedError} when any row is unconfirmed, for exit code 2.
 */
export function reportRows(
  out: Output,
  what: string,
  rows: readonly RowOutcome[],
  check = (_count: number) => 'Check before you send them again.',
): void {
  const done = rows.filter(({ reason }) => reason === undefined);
  const unconfirmed = rows.filter((row) => row.unconfirmed);
  const failed = rows.filter((row) => row.reason !== undefined && !row.unconfirmed);
  const shown = rows
    .filter(({ reason }) => reason !== undefined)
    .map(({ line, reason, unconfirmed }) => ({
      line,
      reason: unconfirmed ? `unconfirmed: ${reason}` : reason,
    }));
  out.report(
    { before: `${what}: ${done.length} of ${rows.length} rows.`, rows: shown, columns: ['line', 'reason'] },
    { done, failed, unconfirmed },
  );
  const [advice = ''] = failed.flatMap(({ advice }) => (advice === undefined ? [] : ` ${advice}`));
  const failures = failed.length > 0 ? [`${failed.length} of ${rows.length} rows failed.${advice}`] : [];
  if (unconfirmed.length > 0) {
    const count = `${unconfirmed.length} of ${rows.length} rows are unconfirmed: they may have been processed.`;
    throw new UnconfirmedError([...failures, `${count} ${check(unconfirmed.length)}`].join('\n'));
  }
  if (failures.length > 0) throw new ProblemError(failures.join(''));
}
