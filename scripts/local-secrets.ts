import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseJsonFile } from '../app/base/json-file.ts';

const NAMES = ['TOKEN_KEYS', 'API_KEY', 'SESSION_SECRET'] as const;

type Secrets = Record<(typeof NAMES)[number], string>;

/** Secrets for a start without settings: generated once and stored in a file that only its owner can read. */
export async function localSecrets(folder: string): Promise<Secrets> {
  const file = path.join(folder, 'secrets.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new Error(`The secrets in ${file} cannot be read: ${error.code}.`);
  });
  const kept = parseJsonFile(file, text) as Partial<Secrets>;
  const secrets: Secrets = {
    TOKEN_KEYS: kept.TOKEN_KEYS ?? `local:${randomBytes(32).toString('base64url')}`,
    API_KEY: kept.API_KEY ?? randomBytes(32).toString('base64url'),
    SESSION_SECRET: kept.SESSION_SECRET ?? randomBytes(32).toString('base64url'),
  };
  if (NAMES.some((name) => !kept[name])) {
    await mkdir(folder, { recursive: true });
    await writeFile(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    await chmod(file, 0o600);
  }
  return secrets;
}
