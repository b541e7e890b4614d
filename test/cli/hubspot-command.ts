import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { PROGRAM_ENV } from '../helpers/program-env.ts';
import { WITH_FIXTURES } from '../helpers/vendor.ts';

const MAIN = path.join(import.meta.dirname, '..', '..', 'app', 'cli', 'main.ts');

export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** `npm run hubspot -- …` as a process of its own, with these settings and no others. */
export const hubspotCommand = (settings: Record<string, string>, ...args: string[]): Promise<Outcome> =>
  hubspotReading('', settings, ...args);

/** The same with this on standard input. */
export async function hubspotReading(
  input: string,
  settings: Record<string, string>,
  ...args: string[]
): Promise<Outcome> {
  const child = spawn(process.execPath, [...WITH_FIXTURES, MAIN, ...args], {
    env: { ...PROGRAM_ENV, ...settings },
  });
  child.stdin.end(input);
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, output, errors };
}

/** Whether this machine has util-linux's `script`, which gives a process a terminal. */
export const hasTerminals = String(spawnSync('script', ['--version']).stdout ?? '').includes('util-linux');

/** The same in a terminal, which shows all it prints. A process that does not end is ended, with code 124. */
export const hubspotInTerminal = (settings: Record<string, string>, ...args: string[]) =>
  hubspotAnswering(undefined, settings, ...args);

/** The same, where somebody presses these keys once there is a question. */
export async function hubspotAnswering(
  keys: string | undefined,
  settings: Record<string, string>,
  ...args: string[]
): Promise<Pick<Outcome, 'code' | 'output'>> {
  const line = ['timeout', '--foreground', '20', process.execPath, ...WITH_FIXTURES, MAIN, ...args]
    .map(quoted)
    .join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: { ...PROGRAM_ENV, ...settings },
    stdio: [keys === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'],
  });
  let output = '';
  let answered = false;
  child.stdout?.setEncoding('utf8').on('data', (shown) => {
    output += shown;
    if (answered || !output.includes('[y/N]')) return;
    answered = true;
    child.stdin?.write(keys);
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

/** A word of a shell's command line. */
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** The same with `--json`; fails unless the command succeeds. */
export async function hubspotJson(settings: Record<string, string>, ...args: string[]) {
  const { code, output, errors } = await hubspotCommand(settings, '--json', ...args);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${errors}`);
  return JSON.parse(output);
}
