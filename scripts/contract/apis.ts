import { readdir } from 'node:fs/promises';

const FOLDER = new URL('../../app/hubspot/', import.meta.url);

/** Every `create…Api` that `app/hubspot/` exports, by name. */
export async function findApis(): Promise<Map<string, unknown>> {
  const files = (await readdir(FOLDER, { recursive: true })).filter((file) => file.endsWith('.ts'));
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, FOLDER).href) as Promise<Record<string, unknown>>),
  );
  return new Map(
    modules.flatMap((module) => Object.entries(module)).filter(([name]) => /^create\w+Api$/.test(name)),
  );
}
