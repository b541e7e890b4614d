import type { Command } from 'commander';

/** Commander's own refusals, which its type declarations leave out. */
interface Refusals {
  unknownCommand(): never;
  unknownOption(flag: string): never;
}

const HELP = ['help', '--help', '-h'];

/**
 * Commander answers `--help` without a look at the other words, so that a misspelt command gets the help of the group
 * above it and exit code 0. This refuses unknown commands and options first, as they are without `--help`.
 */
export function refuseUnknownWords(program: Command): void {
  program.addHelpText('beforeAll', ({ command, error }) => {
    // The help below an error is in its place; `help <word>` alone comes here with an unknown word.
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

/** What stands behind the command's name; in `help <command> …` its group has read it. */
function wordsOf({ args, parent }: Command): readonly string[] {
  return parent?.args[0] === 'help' ? parent.args.slice(2) : args;
}
