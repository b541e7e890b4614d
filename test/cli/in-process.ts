import { jest } from '@jest/globals';
import { Command } from 'commander';
import type { CommandGroup } from '../../app/cli/command.ts';
import { createOutput } from '../../app/cli/output.ts';
import type { Context } from '../../app/context.ts';

export interface CommandRun {
  readonly output: string;
  /** What the command threw: a problem, or wrong arguments. */
  readonly problem?: Error;
}

/** Runs one command line in this process, on a context that is open already. */
export async function runInProcess(
  ctx: Context,
  groups: readonly CommandGroup[],
  ...args: string[]
): Promise<CommandRun> {
  const silent = { writeErr: () => {}, writeOut: () => {} };
  const program = new Command().option('--json').exitOverride().configureOutput(silent);
  const output = () => createOutput(program.opts<{ json?: boolean }>().json ?? false);
  for (const group of groups) group(program, { output, withContext: (work) => work(ctx) });
  const lines: string[] = [];
  const log = jest.spyOn(console, 'log').mockImplementation((line) => lines.push(String(line)));
  try {
    await program.parseAsync(args, { from: 'user' });
    return { output: lines.join('\n') };
  } catch (problem) {
    return { output: lines.join('\n'), problem: problem as Error };
  } finally {
    log.mockRestore();
  }
}
