import type { QueryConfig, QueryResultRow } from 'pg';
import { type Pool, SOONER_MS } from './pool.ts';
import { inTransaction } from './transaction.ts';

/** Runs one statement that may take `ms`, on a pool whose other statements may not. */
export async function slowQuery<Row extends QueryResultRow>(
  pool: Pool,
  text: string,
  ms: number,
): Promise<Row[]> {
  return inTransaction(pool, async (tx) => {
    await tx.query(`set local statement_timeout = ${Math.round(ms)}`);
    // The driver's types allow query_timeout for whole connections only.
    const statement: QueryConfig & { query_timeout: number } = { text, query_timeout: ms + SOONER_MS };
    return (await tx.query<Row>(statement)).rows;
  });
}
