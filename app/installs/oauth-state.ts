import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

export const STATE_LIFETIME_MS = 10 * 60 * 1000;

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const EXPIRY_BYTES = 4;
const TAG_BYTES = 16;
const FORMAT = /^[\w-]{43}$/;

/**
 * A state that only this server can issue: 12 random bytes, the encrypted second in which it expires, and the
 * authentication tag. Anyone may request one, so nothing is stored until it is used.
 */
export function sealState(secret: string, expiresAt: number): string {
  const iv = randomBytes(IV_BYTES);
  const expiry = Buffer.alloc(EXPIRY_BYTES);
  expiry.writeUInt32BE(Math.floor(expiresAt / 1000));
  const cipher = createCipheriv(ALGORITHM, keyOf(secret), iv);
  return Buffer.concat([iv, cipher.update(expiry), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  );
}

/** When it expires, in milliseconds since 1970; undefined when this server did not issue it. */
export function openState(state: string, secret: string): number | undefined {
  const bytes = Buffer.from(state, 'base64url');
  // Compared as text, because the decoder accepts several spellings of one state.
  if (!FORMAT.test(state) || bytes.toString('base64url') !== state) return undefined;
  const decipher = createDecipheriv(ALGORITHM, keyOf(secret), bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const sealed = bytes.subarray(IV_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(sealed), decipher.final()]).readUInt32BE() * 1000;
  } catch {
    return undefined;
  }
}

const keyOf = (secret: string) => createHash('sha256').update(`oauth-state:${secret}`).digest();

/** A random state, for a row that is stored under its hash. */
export const createState = () => randomBytes(32).toString('base64url');

/** What the database stores. A state is random, so a plain hash cannot be reversed by search. */
export const hashState = (state: string) => createHash('sha256').update(state).digest();
