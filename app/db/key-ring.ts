import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

/** Encryption keys for columns, newest first: the first encrypts, each decrypts values with its id. */
export type KeyRing = readonly { readonly id: string; readonly key: Buffer }[];

const FORMAT = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Caches OpenSSL's key objects, as creating one takes longer than encrypting a token. */
const prepared = new WeakMap<Buffer, KeyObject>();

/** Thrown when a stored value cannot be decrypted. Names its place and the key id, never the value. */
export class DecryptionError extends Error {
  override readonly name = 'DecryptionError';
}

const KEY_ID = '[A-Za-z0-9_-]{1,32}';
const KEY_ID_ALONE = new RegExp(`^${KEY_ID}$`);
const ENTRY = new RegExp(`^(${KEY_ID}):([A-Za-z0-9_-]+=*)$`);

/** Whether this is a valid key id in `TOKEN_KEYS`. */
export const isKeyId = (text: string): boolean => KEY_ID_ALONE.test(text);

/**
 * Parses `TOKEN_KEYS`: `id:base64url of 32 bytes`, comma-separated, newest first.
 * @throws {Error} saying which entry is wrong, without its key.
 */
export function parseKeyRing(text: string): KeyRing {
  const ring = text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry, index) => {
      const [, id, encoded] = ENTRY.exec(entry) ?? [];
      if (!id || !encoded) throw new Error(`entry ${index + 1} must look like id:base64url`);
      const key = Buffer.from(encoded, 'base64url');
      if (key.length !== 32) throw new Error(`key "${id}" must be 32 bytes in base64url, not ${key.length}`);
      return { id, key };
    });
  if (ring.length === 0) throw new Error('must hold at least one key');
  const ids = new Set(ring.map(({ id }) => id));
  if (ids.size !== ring.length) throw new Error('must not use a key id twice');
  return ring;
}

/**
 * Encrypts with the newest key (AES-256-GCM). The result is one line, `v1.<key id>.<base64url>`.
 * @param boundTo additional data; decrypting needs the same, so a value copied elsewhere does not decrypt.
 */
export function encrypt(ring: KeyRing, plaintext: string, boundTo: string): string {
  const [newest] = ring;
  if (!newest) throw new Error('The key ring is empty.');
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', prepare(newest.key), nonce).setAAD(Buffer.from(boundTo));
  const sealed = Buffer.concat([
    nonce,
    cipher.update(plaintext, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return `${FORMAT}.${newest.id}.${sealed.toString('base64url')}`;
}

/** @throws {DecryptionError} when the key is missing, or the value was altered or bound to something else. */
export function decrypt(ring: KeyRing, value: string, boundTo: string): string {
  const [format, id, encoded, ...rest] = value.split('.');
  if (format !== FORMAT || !id || !encoded || rest.length > 0) {
    throw new DecryptionError(`${boundTo} is not in the format that this server writes.`);
  }
  const key = ring.find((entry) => entry.id === id)?.key;
  if (!key) throw new DecryptionError(`TOKEN_KEYS has no key "${id}", which ${boundTo} needs.`);
  const sealed = Buffer.from(encoded, 'base64url');
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new DecryptionError(`${boundTo} is cut short.`);
  const decipher = createDecipheriv('aes-256-gcm', prepare(key), sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(Buffer.from(boundTo))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const body = sealed.subarray(NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
  } catch {
    throw new DecryptionError(`${boundTo} does not open with key "${id}": altered, moved, or another key.`);
  }
}

function prepare(key: Buffer): KeyObject {
  const known = prepared.get(key) ?? createSecretKey(key);
  prepared.set(key, known);
  return known;
}
