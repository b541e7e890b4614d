/**
 * Array parameters in PostgreSQL's binary format, which pg uses for buffers: half the bytes of JSON or of array
 * literals, nothing to escape, and next to nothing to parse at the other end.
 * @see https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c array_recv
 */
const OID = { bytea: 17, int8: 20, int2: 21, text: 25, uuid: 2950 } as const;

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const IS_NULL = -1;
const TWO_TO_32 = 2 ** 32;

export const byteaArray = (items: readonly Buffer[]): Buffer =>
  write(
    OID.bytea,
    items,
    (item) => item.length,
    (item, array, at) => item.copy(array, at),
  );

export const textArray = (items: readonly (string | null)[]): Buffer =>
  write(
    OID.text,
    items,
    (item) => Buffer.byteLength(item),
    (item, array, at) => array.write(item, at),
  );

/** Of uuids as text with hyphens. */
export const uuidArray = (items: readonly string[]): Buffer =>
  write(
    OID.uuid,
    items,
    () => 16,
    (item, array, at) => array.write(item.replaceAll('-', ''), at, 'hex'),
  );

export const int2Array = (items: readonly number[]): Buffer =>
  write(
    OID.int2,
    items,
    () => 2,
    (item, array, at) => array.writeInt16BE(item, at),
  );

/** Of safe integers. */
export const int8Array = (items: readonly (number | null)[]): Buffer =>
  write(
    OID.int8,
    items,
    () => 8,
    (item, array, at) => {
      const high = Math.floor(item / TWO_TO_32);
      array.writeInt32BE(high, at);
      array.writeUInt32BE(item - high * TWO_TO_32, at + 4);
    },
  );

function write<Item>(
  oid: number,
  items: readonly (Item | null)[],
  lengthOf: (item: Item) => number,
  put: (item: Item, array: Buffer, at: number) => void,
): Buffer {
  const lengths = items.map((item) => (item === null ? IS_NULL : lengthOf(item)));
  const bytes = lengths.reduce((sum, length) => sum + LENGTH_BYTES + Math.max(0, length), HEADER_BYTES);
  const array = Buffer.allocUnsafe(bytes);
  array.writeInt32BE(1, 0); // dimensions
  array.writeInt32BE(lengths.includes(IS_NULL) ? 1 : 0, 4); // whether there are nulls
  array.writeInt32BE(oid, 8);
  array.writeInt32BE(items.length, 12);
  array.writeInt32BE(1, 16); // first index
  let at = HEADER_BYTES;
  for (const [index, item] of items.entries()) {
    const length = lengths[index] ?? IS_NULL;
    at = array.writeInt32BE(length, at);
    if (item === null) continue;
    put(item, array, at);
    at += length;
  }
  return array;
}
