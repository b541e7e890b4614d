import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const ERROR = /^(?<file>[^\s(][^(]*)\((?<line>\d+),\d+\): error TS\d+: (?<message>.*)$/;

/**
 * Type-checks `integration/` with the project's own compiler; production installs do not contain it.
 * @returns the compiler's process, and its errors as `file:line: message`, the first line of each.
 */
export function typeCheck(root: string): {
  child: ChildProcess | undefined;
  errors: Promise<string[]>;
} {
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) return { child: undefined, errors: Promise.resolve([]) };
  const project = path.join(root, 'scripts', 'integration.tsconfig.json');
  const child = spawn(process.execPath, [compiler, '--pretty', 'false', '-p', project], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
    // Its own process group, because `npm start` stops its processes in order.
    detached: true,
  });
  return { child, errors: errorsOf(child) };
}

async function errorsOf(child: ChildProcess): Promise<string[]> {
  const failed = once(child, 'error').then(() => '');
  const output = child.stdout ? await Promise.race([text(child.stdout), failed]) : '';
  return output.split('\n').flatMap((line) => {
    const { file = '', line: number, message } = ERROR.exec(line)?.groups ?? {};
    return file.startsWith('integration/') ? [`${file}:${number}: ${message}`] : [];
  });
}
