import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

export const STATE_LIFETIME_MS = 10 * 60 * 1000;

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const EXPIRY_BYTES = 4;
const TAG_BYTES = 16;
const FORMAT = /^[\w-]{43}$/;

/**
 * A state for one trip to HubSpot and back that nobody but this server can make: 12 random bytes, the sealed second
 * in which it expires, and the seal. Anyone may ask for one, so nothing is stored until it has been of use.
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

/** When it expires, in milliseconds since 1970; undefined when this server did not make it. */
export function openState(state: string, secret: string): number | undefined {
  const bytes = Buffer.from(state, 'base64url');
  // As text: decoding is lenient, and would let several spellings of one state pass.
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

/** A state that stands for something stored under its hash. */
export const createState = () => randomBytes(32).toString('base64url');

/** What the database keeps of a state. It is random, so a plain hash cannot be searched. */
export const hashState = (state: string) => createHash('sha256').update(state).digest();
