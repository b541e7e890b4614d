const BYTEA_OID = 17;
const HEADER_BYTES = 20;

/**
 * A `bytea[]` parameter in PostgreSQL's binary format, which pg uses for buffers. As an array of buffers it would
 * travel as hexadecimal text: twice the bytes, and more work on both sides.
 * @see https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c array_recv
 */
export function byteaArray(items: readonly Buffer[]): Buffer {
  const bytes = items.reduce((sum, item) => sum + 4 + item.length, HEADER_BYTES);
  const array = Buffer.allocUnsafe(bytes);
  array.writeInt32BE(1, 0); // dimensions
  array.writeInt32BE(0, 4); // no nulls
  array.writeInt32BE(BYTEA_OID, 8);
  array.writeInt32BE(items.length, 12);
  array.writeInt32BE(1, 16); // first index
  let at = HEADER_BYTES;
  for (const item of items) {
    at = array.writeInt32BE(item.length, at);
    at += item.copy(array, at);
  }
  return array;
}
