import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/**
 * Reads a secret that must not get into the shell's history: all of standard input, or at a terminal a line without
 * echo. @returns '' when there is none.
 */
export const createReadSecret =
  ({ input, output }: Terminal) =>
  async (question: string): Promise<string> => {
    if (!input.isTTY) return (await text(input)).trim();
    output.write(`${question}: `);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input, output: nowhere, terminal: true });
    try {
      // Ctrl-C, Ctrl-D and a lost terminal count as no input.
      const noAnswer = () => '';
      const answer = lines.question('').catch(noAnswer);
      return (await Promise.race([answer, once(lines, 'close').then(noAnswer)])).trim();
    } finally {
      lines.close();
      output.write('\n');
    }
  };
