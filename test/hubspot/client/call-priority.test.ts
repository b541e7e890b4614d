import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool, type Pool } from '../../../app/db/pool.ts';
import type { CallPriority } from '../../../app/hubspot/client/budget.ts';
import { createCallBudget } from '../../../app/hubspot/client/call-budget.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';

describe('calls that wait for one portal', () => {
  let database: TestDatabase;
  let pool: Pool;
  beforeEach(async () => {
    database = await createDatabase();
    pool = createPool({ url: database.url }, () => {});
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  /** All of them ask within one turn of the event loop, before the database can have answered the first. */
  async function startInOrder(priorities: readonly CallPriority[], calls = 100): Promise<CallPriority[]> {
    const limit = { calls, windowMs: 10_000, untilAnswered: false };
    const { logger, lines } = createMemoryLog();
    const budget = createCallBudget({ pool, limits: { general: limit, search: limit }, logger });
    const started: CallPriority[] = [];
    await Promise.all(
      priorities.map(async (priority) => {
        const answered = await budget.take(1, 'general', priority, 60_000);
        started.push(priority);
        answered();
      }),
    );
    expect(lines).toEqual([]);
    return started;
  }

  const times = (count: number, priority: CallPriority) => Array<CallPriority>(count).fill(priority);

  it('start interactive first, although background calls were waiting longer', async () => {
    const background = times(3, 'background');
    const interactive = times(5, 'interactive');
    expect(await startInOrder([...background, ...interactive])).toEqual([...interactive, ...background]);
  });

  it('are not paced like background calls when they are interactive', async () => {
    await startInOrder(times(5, 'interactive'));
    expect(await lastBackground()).toBe(0);
    await startInOrder(times(1, 'background'));
    expect(await lastBackground()).toBeGreaterThan(0);
  });

  async function lastBackground(): Promise<number> {
    const { rows } = await pool.query('select last_background from call_budgets');
    return Number(rows[0].last_background);
  }
});
