import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { ProblemError } from './command.ts';

/** A row of a file: values by column or field name. Rows keep their line for reports. */
export interface FileRow {
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/** Excel separates cells by semicolons where the comma is the decimal mark, and by tabs in its text files. */
const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t' } as const;

export type Separator = keyof typeof SEPARATORS;

const SEPARATOR_NAMES = Object.keys(SEPARATORS) as Separator[];

/** Goes beside `--file`. */
export const separatorOption = () =>
  new Option(
    '--separator <name>',
    'what separates the cells of a .csv; without it, the first line shows it',
  ).choices(SEPARATOR_NAMES);

/**
 * Reads a `.csv` (RFC 4180, first line names the columns) or `.jsonl` file in UTF-8. Empty cells of a CSV file are
 * left out, so that they leave a property alone; to clear one, write null in a JSONL file.
 * @param separator of a CSV file; undefined where its first line shows it.
 * @throws {ProblemError} that names the line.
 */
export async function readRecords(file: string, separator?: Separator): Promise<FileRow[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new ProblemError(`${file} cannot be read: ${error.code}.`);
  });
  const text = utf8(bytes);
  if (text === undefined) {
    throw new ProblemError(
      `${file} is not in UTF-8, so its letters cannot be told. Save it as "CSV UTF-8" (Excel: Save As); nothing was sent.`,
    );
  }
  const isJson = /\.(jsonl|ndjson)$/i.test(file);
  if (isJson && separator) throw new ProblemError(`--separator is for CSV files, and ${file} holds JSON.`);
  const rows = isJson ? fromJsonLines(text, file) : fromCsv(text, file, separator);
  if (rows.length === 0) throw new ProblemError(`${file} has no rows.`);
  return rows;
}

/** The text without its byte order mark; undefined for another encoding, such as Excel's own (Shift_JIS, UTF-16). */
function utf8(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // UTF-16 of plain letters is valid UTF-8, with a null for every other letter.
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

function fromJsonLines(text: string, file: string): FileRow[] {
  return text.split('\n').flatMap((source, index) => {
    if (source.trim() === '') return [];
    const line = index + 1;
    const value = parseJson(source);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ProblemError(`${file}:${line}: a line must hold one JSON object.`);
    }
    const values = Object.entries(value).map(([name, field]) => {
      if (typeof field === 'object' && field !== null) {
        throw new ProblemError(`${file}:${line}: "${name}" must be text, a number, true, false or null.`);
      }
      return [name, field === null ? '' : String(field)];
    });
    return [{ line, values: Object.fromEntries(values) }];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromCsv(text: string, file: string, named?: Separator): FileRow[] {
  const [line = '', told] = SEPARATOR_LINE.exec(text) ?? [];
  const separator = named ? SEPARATORS[named] : (told ?? separatorIn(text, file));
  const [head, ...rows] = csvLines(line ? `\n${text.slice(line.length)}` : text, file, separator);
  if (!head) return [];
  const names = head.cells.map((name) => name.trim());
  const joined = names.find((name) => /[,;\t|]/.test(name));
  if (joined !== undefined) {
    throw new ProblemError(
      `${file}: "${joined}" is no column. Separate columns by commas, semicolons or tabs, or name what does: --separator.`,
    );
  }
  const repeated = names.find((name, index) => name === '' || names.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw new ProblemError(`${file}:1: every column needs a name of its own, and "${repeated}" is none.`);
  }
  return rows.map(({ line, cells }) => {
    if (cells.length !== names.length) {
      throw new ProblemError(`${file}:${line}: ${cells.length} cells under ${names.length} columns.`);
    }
    const pairs = names.map((name, index) => [name, cells[index] ?? ''] as const);
    return { line, values: Object.fromEntries(pairs.filter(([, value]) => value !== '')) };
  });
}

/** Excel's first line that names the separator: `sep=;`. */
const SEPARATOR_LINE = /^sep=([,;\t])\r?\n/i;

/** What separates the columns of the first line. Names of columns hold none of the separators, unless in quotes. */
function separatorIn(text: string, file: string): string {
  const [head = ''] = /(?:"(?:[^"]|"")*"|[^"\r\n])+/.exec(text) ?? [];
  const unquoted = head.replaceAll(/"(?:[^"]|"")*"/g, '');
  const found = SEPARATOR_NAMES.filter((name) => unquoted.includes(SEPARATORS[name]));
  if (found.length > 1) {
    throw new ProblemError(
      `${file}: is it ${found.join(' or ')} that separates the columns? Say --separator.`,
    );
  }
  return SEPARATORS[found[0] ?? 'comma'];
}

/** A cell, quoted or not, and what ends it. */
const cellPattern = (separator: string) =>
  new RegExp(`(?:"((?:[^"]|"")*)"|([^"${separator}\\r\\n]*))(${separator}|\\r?\\n|\\r|$)`, 'y');

function csvLines(text: string, file: string, separator: string): { line: number; cells: string[] }[] {
  const cell = cellPattern(separator);
  const lines: { line: number; cells: string[] }[] = [];
  let line = 1;
  let begun = { line, cells: [] as string[] };
  for (let at = 0; at < text.length; ) {
    cell.lastIndex = at;
    const match = cell.exec(text);
    if (!match)
      throw new ProblemError(`${file}:${line}: a quote stands where none belongs, or none closes it.`);
    const [whole, quoted, plain = '', end] = match;
    begun.cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    at += whole.length;
    line += whole.split('\n').length - 1;
    const endsInSeparator = end === separator && at === text.length;
    if (endsInSeparator) begun.cells.push('');
    if (end === separator && !endsInSeparator) continue;
    // An empty line is no row.
    if (begun.cells.length > 1 || begun.cells[0] !== '') lines.push(begun);
    begun = { line, cells: [] };
  }
  return lines;
}
