import { SingleBar } from 'cli-progress';
import width from 'string-width';
import { printable, printableJson } from '../base/printable.ts';

export type Output = ReturnType<typeof createOutput>;

type Cell = string | number | boolean | Date | null | undefined | readonly string[] | object;

export interface Bar {
  start(total: number): void;
  /** @param done completed part of the total. */
  at(done: number): void;
}

/** Prints results to standard output, as aligned tables or as one JSON value. Notes go to standard error. */
export function createOutput(json: boolean) {
  return {
    /** A list; in a table, `columns` are the fields shown. */
    list<T extends object>(rows: readonly T[], columns: readonly (keyof T & string)[], empty: string): void {
      if (json) {
        printJson(rows);
        return;
      }
      if (rows.length === 0) {
        print(empty);
        return;
      }
      printTable(rows, columns);
    },

    /** Sentences with a table between them; as JSON, `data`. */
    report<T extends object>(
      text: { before?: string; rows: readonly T[]; columns: readonly (keyof T & string)[]; after?: string },
      data: unknown,
    ): void {
      if (json) {
        printJson(data);
        return;
      }
      if (text.before) print(text.before);
      if (text.rows.length > 0) printTable(text.rows, text.columns);
      if (text.after) print(text.after);
    },

    /** One object, field by field, with a table below; as JSON, `data`. */
    one<T extends object>(
      fields: Record<string, Cell>,
      data: object = fields,
      below?: { title: string; rows: readonly T[]; columns: readonly (keyof T & string)[] },
    ): void {
      if (json) {
        printJson(data);
        return;
      }
      printAligned(Object.entries(fields).map(([name, value]) => [heading(name), asText(value)]));
      if (!below || below.rows.length === 0) return;
      print(`\n${below.title}`);
      printTable(below.rows, below.columns);
    },

    /** A sentence about the result; as JSON, `data`. */
    done(sentence: string, data: Record<string, unknown>): void {
      if (json) printJson(data);
      else print(sentence);
    },

    /** A note on standard error, so that standard output contains only the result. */
    note(sentence: string): void {
      console.error(printable(sentence));
    },

    /**
     * Runs long work with a progress bar if there is a terminal. The bar is shown from when the work
     * reports its total until it ends or fails: a running bar keeps the process alive.
     */
    async progress<T>(unit: string, work: (bar: Bar) => Promise<T>): Promise<T> {
      if (json || !process.stderr.isTTY) return work({ start: () => {}, at: () => {} });
      const bar = new SingleBar({
        format: `{bar} {value}/{total} ${unit} · {eta_formatted} left`,
        stream: process.stderr,
        // The bar's own Ctrl-C handler would not stop the work. Without it the bar must not change the terminal.
        gracefulExit: false,
        linewrap: true,
      });
      try {
        return await work({
          start: (total) => bar.start(total, 0),
          at: (done) => bar.update(Math.min(done, bar.getTotal())),
        });
      } finally {
        bar.stop();
      }
    },
  };
}

const print = (text: string) => console.log(printable(text));

const printJson = (value: unknown) => console.log(printableJson(JSON.stringify(value, null, 2)));

function printTable<T extends object>(rows: readonly T[], columns: readonly (keyof T & string)[]): void {
  const cells = rows.map((row) => columns.map((column) => asText(row[column] as Cell)));
  printAligned([columns.map(heading), ...cells]);
}

function printAligned(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  // Only the last cell may have several lines (JSON of a field), which are aligned below its first.
  const indent = ' '.repeat(widths.slice(0, -1).reduce((sum, columnWidth) => sum + columnWidth + 2, 0));
  for (const row of rows) {
    const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)));
    print(cells.join('  ').trimEnd().replaceAll('\n', `\n${indent}`));
  }
}

const heading = (name: string) =>
  printable(name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('\n', ' '));

function asText(value: Cell): string {
  if (value === null || value === undefined || value === '') return '–';
  if (value instanceof Date) return value.toISOString().replace(/\.\d+Z$/, 'Z');
  if (Array.isArray(value)) return value.length > 0 ? asText(value.join(' ')) : '–';
  if (typeof value === 'object') return printable(JSON.stringify(value, null, 2));
  return printable(String(value).replaceAll('\n', ' '));
}
