import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { CsvError, type Options, parse } from 'csv-parse/sync';
import { ProblemError } from './command.ts';

/** A row of a file: values by column or field name, and its line for reports. */
export interface FileRow {
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/** Excel uses semicolons in locales with a decimal comma, and tabs in text files. */
const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t' } as const;

export type Separator = keyof typeof SEPARATORS;

const SEPARATOR_NAMES = Object.keys(SEPARATORS) as Separator[];

/** The option `--separator` of commands with `--file`. */
export const separatorOption = () =>
  new Option(
    '--separator <name>',
    'separator of the cells of a .csv; by default, detected in the first line',
  ).choices(SEPARATOR_NAMES);

/**
 * Reads a `.csv` (RFC 4180, first line names the columns) or `.jsonl` file in UTF-8. Empty cells of a CSV file are
 * omitted, so that they do not change a property; to clear one, use null in a JSONL file.
 * @param separator of a CSV file; detected in its first line when undefined.
 * @throws {ProblemError} naming the line.
 */
export async function readRecords(file: string, separator?: Separator): Promise<FileRow[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new ProblemError(`${file} cannot be read: ${error.code}.`);
  });
  const text = utf8(bytes);
  if (text === undefined) {
    throw new ProblemError(
      `${file} is not in UTF-8. Nothing was sent; save it as "CSV UTF-8" (Excel: Save As).`,
    );
  }
  const isJson = /\.(jsonl|ndjson)$/i.test(file);
  if (isJson && separator) throw new ProblemError(`--separator is for CSV files, but ${file} contains JSON.`);
  const rows = isJson ? fromJsonLines(text, file) : fromCsv(text, file, separator);
  if (rows.length === 0) throw new ProblemError(`${file} has no rows.`);
  return rows;
}

/** The text without its byte order mark; undefined for another encoding, such as Excel's own (Shift_JIS, UTF-16). */
function utf8(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // UTF-16 of ASCII text is valid UTF-8 with a NUL after every letter.
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
      throw new ProblemError(`${file}:${line}: a line must be one JSON object.`);
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
      `${file}: "${joined}" is not a column name. Separate columns by commas, semicolons or tabs, or set --separator.`,
    );
  }
  const repeated = names.find((name, index) => name === '' || names.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw new ProblemError(
      `${file}:1: every column needs a unique name, and "${repeated}" is empty or repeated.`,
    );
  }
  return rows.map(({ line, cells }) => {
    if (cells.length !== names.length) {
      throw new ProblemError(`${file}:${line}: ${cells.length} cells under ${names.length} columns.`);
    }
    const pairs = names.map((name, index) => [name, cells[index] ?? ''] as const);
    return { line, values: Object.fromEntries(pairs.filter(([, value]) => value !== '')) };
  });
}

/** Excel's optional first line with the separator: `sep=;`. */
const SEPARATOR_LINE = /^sep=([,;\t])\r?\n/i;

/** The separator of the first line. Column names do not contain separators, unless in quotes. */
function separatorIn(text: string, file: string): string {
  const [head = ''] = /(?:"(?:[^"]|"")*"|[^"\r\n])+/.exec(text) ?? [];
  const unquoted = head.replaceAll(/"(?:[^"]|"")*"/g, '');
  const found = SEPARATOR_NAMES.filter((name) => unquoted.includes(SEPARATORS[name]));
  if (found.length > 1) {
    throw new ProblemError(`${file}: the separator may be ${found.join(' or ')}. Set --separator.`);
  }
  return SEPARATORS[found[0] ?? 'comma'];
}

interface CsvLine {
  readonly line: number;
  readonly cells: readonly string[];
}

const LINE_FEED = 10;

/** @returns the rows with the line on which each starts, without empty lines. */
function csvLines(text: string, file: string, delimiter: string): CsvLine[] {
  const bytes = Buffer.from(text);
  const lines: CsvLine[] = [];
  let line = 1;
  let read = 0;
  const options: Options<string[], string[]> = {
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    // csv-parse counts a single carriage return in a cell as a new line.
    on_record(cells, info) {
      if (cells.length > 1 || cells[0] !== '') lines.push({ line, cells });
      line += bytes.subarray(read, info.bytes).filter((byte) => byte === LINE_FEED).length;
      read = info.bytes;
      return null;
    },
  };
  try {
    parse(bytes, options);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new ProblemError(`${file}:${line}: a quote is not closed, or is inside a cell without quotes.`);
  }
  return lines;
}
