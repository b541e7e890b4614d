import type { Command } from 'commander';

// biome-ignore lint/suspicious/noExplicitAny: parsers of values of every kind
type Parser = (text: string, before: any) => unknown;

const COLLECTING = new WeakSet<Parser>();

/** Marks the parser of an option that may be given several times: it adds to what came before. */
export function collecting<P extends Parser>(parser: P): P {
  COLLECTING.add(parser);
  return parser;
}

/** A part of commander's event emitter that its type declarations leave out. */
interface Emitter {
  prependListener(event: string, listener: () => void): void;
}

/** Commander takes the last of several values without a word. This refuses them, except where a parser collects. */
export function refuseRepeatedOptions(command: Command): void {
  for (const option of command.options) {
    const takesOne = (option.required || option.optional) && !COLLECTING.has(option.parseArg as Parser);
    if (!takesOne) continue;
    // Before commander's own listener, which stores the value.
    (command as Command & Emitter).prependListener(`option:${option.name()}`, () => {
      if (command.getOptionValueSource(option.attributeName()) !== 'cli') return;
      command.error(`error: option '${option.flags}' can be given once`, {
        code: 'commander.repeatedOption',
      });
    });
  }
  for (const subcommand of command.commands) refuseRepeatedOptions(subcommand);
}
