import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { printable } from '../base/printable.ts';
import { ProblemError } from './command.ts';

interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { isTTY?: boolean };
}

/**
 * Asks for confirmation before something is deleted or repeated. Fails when there is no terminal.
 * @throws {ProblemError} unless the answer is yes.
 */
export const createConfirm =
  ({ input, output }: Terminal) =>
  async (consequence: string): Promise<void> => {
    if (!input.isTTY || !output.isTTY) {
      throw new ProblemError(`${consequence} Nothing was done: add --yes to confirm.`);
    }
    const lines = createInterface({ input, output });
    try {
      // Ctrl-C, Ctrl-D and a lost terminal mean no.
      const noAnswer = () => '';
      const answer = await Promise.race([
        lines.question(`${printable(consequence)} Continue? [y/N] `).catch(noAnswer),
        once(lines, 'close').then(noAnswer),
      ]);
      if (answer === '') output.write('\n');
      if (!/^y(es)?$/i.test(answer.trim())) throw new ProblemError('Nothing was done.');
    } finally {
      lines.close();
    }
  };
