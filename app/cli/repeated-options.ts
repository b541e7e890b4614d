import type { Command } from 'commander';

// biome-ignore lint/suspicious/noExplicitAny: parsers of values of every kind
type Parser = (text: string, before: any) => unknown;

const COLLECTING = new WeakSet<Parser>();

/** Marks the parser of a repeatable option: it adds to the previous values. */
export function collecting<P extends Parser>(parser: P): P {
  COLLECTING.add(parser);
  return parser;
}

/** A method of commander's event emitter that its type declarations omit. */
interface Emitter {
  prependListener(event: string, listener: () => void): void;
}

/** Commander silently uses the last of several values. This rejects repeated options, unless their parser collects. */
export function refuseRepeatedOptions(command: Command): void {
  for (const option of command.options) {
    const takesOne = (option.required || option.optional) && !COLLECTING.has(option.parseArg as Parser);
    if (!takesOne) continue;
    // Runs before commander's own listener, which stores the value.
    (command as Command & Emitter).prependListener(`option:${option.name()}`, () => {
      if (command.getOptionValueSource(option.attributeName()) !== 'cli') return;
      command.error(`error: option '${option.flags}' can be given once`, {
        code: 'commander.repeatedOption',
      });
    });
  }
  for (const subcommand of command.commands) refuseRepeatedOptions(subcommand);
}
