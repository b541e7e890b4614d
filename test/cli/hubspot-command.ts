import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const MAIN = path.join(import.meta.dirname, '..', '..', 'app', 'cli', 'main.ts');

export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** `npm run hubspot -- …` as a process of its own, with these settings and no others. */
export async function hubspotCommand(settings: Record<string, string>, ...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH, ...settings } });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, output, errors };
}

/** The same with `--json`; fails unless the command succeeds. */
export async function hubspotJson(settings: Record<string, string>, ...args: string[]) {
  const { code, output, errors } = await hubspotCommand(settings, '--json', ...args);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${errors}`);
  return JSON.parse(output);
}
