import { readFile } from 'node:fs/promises';
import { ProblemError } from './command.ts';

/** A row of a file: values by column or field name. Rows keep their line for reports. */
export interface FileRow {
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * Reads a `.csv` (RFC 4180, first line names the columns) or `.jsonl` file in UTF-8. Empty cells of a CSV file are
 * left out, so that they leave a property alone; to clear one, write null in a JSONL file.
 * @throws {ProblemError} that names the line.
 */
export async function readRecords(file: string): Promise<FileRow[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new ProblemError(`${file} cannot be read: ${error.code}.`);
  });
  const text = utf8(bytes);
  if (text === undefined) {
    throw new ProblemError(
      `${file} is not in UTF-8, so its letters cannot be told. Save it as "CSV UTF-8" (Excel: Save As); nothing was sent.`,
    );
  }
  const rows = /\.(jsonl|ndjson)$/i.test(file) ? fromJsonLines(text, file) : fromCsv(text, file);
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

function fromCsv(text: string, file: string): FileRow[] {
  const [head, ...rows] = csvLines(text, file);
  if (!head) return [];
  const names = head.cells.map((name) => name.trim());
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

/** A cell, quoted or not, and what ends it. */
const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y;

function csvLines(text: string, file: string): { line: number; cells: string[] }[] {
  const lines: { line: number; cells: string[] }[] = [];
  let line = 1;
  let begun = { line, cells: [] as string[] };
  for (let at = 0; at < text.length; ) {
    CELL.lastIndex = at;
    const match = CELL.exec(text);
    if (!match)
      throw new ProblemError(`${file}:${line}: a quote stands where none belongs, or none closes it.`);
    const [whole, quoted, plain = '', end] = match;
    begun.cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    at += whole.length;
    line += whole.split('\n').length - 1;
    const endsInComma = end === ',' && at === text.length;
    if (endsInComma) begun.cells.push('');
    if (end === ',' && !endsInComma) continue;
    // An empty line is no row.
    if (begun.cells.length > 1 || begun.cells[0] !== '') lines.push(begun);
    begun = { line, cells: [] };
  }
  return lines;
}
