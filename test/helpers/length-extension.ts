/**
 * Continues a SHA-256 from its digest: with `sha256(secret + body)` and the length of the secret one can compute the
 * digest of `secret + body + padding + suffix` without the secret.
 * @see FIPS 180-4, 6.2
 */
export function extendSha256(
  digest: string,
  knownBytes: number,
  suffix: Buffer,
): { digest: string; glue: Buffer } {
  const glue = padding(knownBytes);
  const total = knownBytes + glue.length + suffix.length;
  const message = Buffer.concat([suffix, padding(total)]);
  const state = Array.from({ length: 8 }, (_, word) =>
    Number.parseInt(digest.slice(word * 8, word * 8 + 8), 16),
  );
  for (let at = 0; at < message.length; at += 64) compress(state, message.subarray(at, at + 64));
  return { digest: state.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(''), glue };
}

function padding(bytes: number): Buffer {
  const zeros = (119 - (bytes % 64)) % 64;
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes) * 8n);
  return Buffer.concat([Buffer.from([0x80]), Buffer.alloc(zeros), length]);
}

function compress(state: number[], block: Buffer): void {
  const w = Array.from({ length: 16 }, (_, index) => block.readUInt32BE(index * 4));
  for (let t = 16; t < 64; t += 1) {
    const [a, b] = [w[t - 15] ?? 0, w[t - 2] ?? 0];
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    w.push(((w[t - 16] ?? 0) + s0 + (w[t - 7] ?? 0) + s1) | 0);
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let t = 0; t < 64; t += 1) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (ROUNDS[t] ?? 0) + (w[t] ?? 0)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries())
    state[index] = ((state[index] ?? 0) + word) | 0;
}

const rotate = (word: number, by: number) => (word >>> by) | (word << (32 - by));

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUNDS = primes(64).map((prime) => Math.floor((Math.cbrt(prime) % 1) * 2 ** 32));

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n += 1) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}
