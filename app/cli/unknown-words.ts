import type { Command } from 'commander';

/** Commander's own errors, which its type declarations omit. */
interface Refusals {
  unknownCommand(): never;
  unknownOption(flag: string): never;
}

const HELP = ['help', '--help', '-h'];

/**
 * Commander answers `--help` without checking the other words, so a misspelt command gets the help of the group
 * above it and exit code 0. This rejects unknown commands and options first, as without `--help`.
 */
export function refuseUnknownWords(program: Command): void {
  program.addHelpText('beforeAll', ({ command, error }) => {
    // Help below an error is intended; only `help <word>` gets here with an unknown word.
    if (error && command.args[0] !== 'help') return '';
    const words = wordsOf(command).filter((word) => !HELP.includes(word));
    const refusals = command as Command & Refusals;
    command.args = [...words];
    const [first = '-'] = words;
    const subcommands = command.commands.map((it) => it.name());
    if (!first.startsWith('-') && subcommands.length > 0 && !subcommands.includes(first)) {
      refusals.unknownCommand();
    }
    const flag = words.find((word) => word.startsWith('-'));
    if (flag !== undefined) refusals.unknownOption(flag);
    return '';
  });
}

/** The words after the command's name; in `help <command> …` the group has consumed them. */
function wordsOf({ args, parent }: Command): readonly string[] {
  return parent?.args[0] === 'help' ? parent.args.slice(2) : args;
}
