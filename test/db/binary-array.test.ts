import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { byteaArray, int2Array, int8Array, textArray, uuidArray } from '../../app/db/binary-array.ts';
import { createPool, type Pool } from '../../app/db/pool.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';

/** PostgreSQL's text holds neither NUL nor half of a surrogate pair. */
const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed() && !value.includes('\0'));

describe('an array in binary format', () => {
  let database: TestDatabase;
  let pool: Pool;
  beforeAll(async () => {
    database = await createDatabase();
    pool = createPool(database, () => {});
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it.each([
    ['bytea', fc.uint8Array().map((bytes) => Buffer.from(bytes)), byteaArray],
    ['text', fc.option(text), textArray],
    ['uuid', fc.uuid(), uuidArray],
    ['smallint', fc.integer({ min: -32_768, max: 32_767 }), int2Array],
    ['bigint', fc.option(fc.maxSafeInteger()), int8Array],
  ] as const)('of %s comes back as it was sent', async (type, item, array) => {
    await fc.assert(
      fc.asyncProperty(fc.array(item as fc.Arbitrary<never>), async (items) => {
        const { rows } = await pool.query(`select value from unnest($1::${type}[]) as value`, [array(items)]);
        expect(rows.map(({ value }) => value)).toEqual(items);
      }),
    );
  });
});
