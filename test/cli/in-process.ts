import { PassThrough } from 'node:stream';
import { jest } from '@jest/globals';
import { Command } from 'commander';
import type { CommandGroup } from '../../app/cli/command.ts';
import { createConfirm } from '../../app/cli/confirm.ts';
import { createOutput } from '../../app/cli/output.ts';
import { refuseRepeatedOptions } from '../../app/cli/repeated-options.ts';
import type { Context } from '../../app/context.ts';

export interface CommandRun {
  readonly output: string;
  /** Remarks, on standard error. */
  readonly notes: string;
  /** What the command threw: a problem, or wrong arguments. */
  readonly problem?: Error;
}

/** The same with `--json`; fails unless the command succeeds. */
export async function jsonInProcess(ctx: Context, groups: readonly CommandGroup[], ...args: string[]) {
  const { output, problem } = await runInProcess(ctx, groups, '--json', ...args);
  if (problem) throw problem;
  return JSON.parse(output);
}

const atNoTerminal = createConfirm({ input: new PassThrough(), output: new PassThrough() });

/** Runs one command line in this process, on a context that is open already. */
export async function runInProcess(
  ctx: Context,
  groups: readonly CommandGroup[],
  ...args: string[]
): Promise<CommandRun> {
  const silent = { writeErr: () => {}, writeOut: () => {} };
  const program = new Command().option('--json').exitOverride().configureOutput(silent);
  const output = () => createOutput(program.opts<{ json?: boolean }>().json ?? false);
  for (const group of groups)
    group(program, {
      output,
      confirm: atNoTerminal,
      readSecret: async () => '',
      projectSubscriptions: async () => ctx.services.webhooks.subscriptions,
      withContext: (work) => work(ctx),
    });
  refuseRepeatedOptions(program);
  const lines: string[] = [];
  const log = jest.spyOn(console, 'log').mockImplementation((line) => lines.push(String(line)));
  const remarks: string[] = [];
  const note = jest.spyOn(console, 'error').mockImplementation((line) => remarks.push(String(line)));
  const printed = () => ({ output: lines.join('\n'), notes: remarks.join('\n') });
  try {
    await program.parseAsync(args, { from: 'user' });
    return printed();
  } catch (problem) {
    return { ...printed(), problem: problem as Error };
  } finally {
    log.mockRestore();
    note.mockRestore();
  }
}
