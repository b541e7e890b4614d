import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readRecords, type Separator } from '../../app/cli/records-file.ts';

describe('reading a CSV file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'records-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function read(text: string, separator?: Separator, name = 'records.csv') {
    const file = path.join(folder, name);
    await writeFile(file, text);
    return readRecords(file, separator);
  }

  it.each([
    ['commas', 'email,firstname\na@b.example,"Ann; Bea"\n'],
    ['semicolons', 'email;firstname\na@b.example;Ann; Bea\n'.replace('Ann; Bea', '"Ann; Bea"')],
    ['tabs', 'email\tfirstname\na@b.example\tAnn; Bea\n'],
    ['a byte order mark', '\uFEFFemail;firstname\r\na@b.example;"Ann; Bea"\r\n'],
    ['quoted columns', '"email";"firstname"\n"a@b.example";"Ann; Bea"'],
    ['spaces around columns', 'email ; firstname\na@b.example;"Ann; Bea"'],
    ['empty lines before the columns', '\n\nemail;firstname\na@b.example;"Ann; Bea"'],
    ['a line that names the separator', 'sep=;\r\nemail;firstname\r\na@b.example;"Ann; Bea"'],
    ['the same after a byte order mark', '\uFEFFsep=,\nemail,firstname\na@b.example,Ann; Bea'],
  ])('reads %s', async (_what, text) => {
    const [row, ...more] = await read(text);
    expect(row?.values).toEqual({ email: 'a@b.example', firstname: 'Ann; Bea' });
    expect(more).toEqual([]);
  });

  it('uses the given separator', async () => {
    expect(await read('name\na;b', 'semicolon').catch((error) => error.message)).toContain('2 cells');
    expect((await read('name\na;b'))[0]?.values).toEqual({ name: 'a;b' });
    expect((await read('sep=,\na;b\n1;2', 'semicolon'))[0]).toEqual({ line: 3, values: { a: '1', b: '2' } });
  });

  it.each([
    ['email;first,name\n', undefined, 'the separator may be comma or semicolon. Set --separator.'],
    ['email;name\n', 'comma', '"email;name" is not a column name.'],
    ['"email;name"\n', undefined, '"email;name" is not a column name.'],
    ['email|name\n', undefined, '"email|name" is not a column name.'],
    ['email;name\na@b.example\n', undefined, ':2: 1 cells under 2 columns.'],
    ['a,b\n1,"2\n', undefined, ':2: a quote is not closed'],
    ['a,b\n\n1,2"3\n', undefined, ':3: a quote is not closed, or is inside a cell'],
    ['email;email\n', undefined, 'every column needs a unique name'],
  ] as const)('rejects %j with the separator %s', async (text, separator, told) => {
    await expect(read(text, separator)).rejects.toThrow(told);
  });

  it('rejects a separator for JSON', async () => {
    await expect(read('{}', 'tab', 'records.jsonl')).rejects.toThrow('--separator is for CSV files');
  });

  it('returns every value with its line, for every separator, quoting and line ending', async () => {
    const name = fc.stringMatching(/^[a-z_]{1,8}$/);
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom(',', ';', '\t', '"', '\n', '\r', ' ', 'a', '=', 'é', '😀', '|') }),
      fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
    );
    const table = fc
      .uniqueArray(name, { minLength: 1, maxLength: 5 })
      .chain((names) =>
        fc.tuple(
          fc.constant(names),
          fc.array(fc.array(value, { minLength: names.length, maxLength: names.length }), { minLength: 1 }),
        ),
      )
      // A line of one empty cell is an empty line.
      .filter(([names, rows]) => names.length > 1 || rows.every(([cell]) => cell !== ''));
    const style = fc.record({
      separator: fc.constantFrom(',', ';', '\t'),
      end: fc.constantFrom('\n', '\r\n'),
      mark: fc.constantFrom('', '\uFEFF'),
      quotesAll: fc.boolean(),
      closed: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(table, style, async ([names, rows], { separator, end, mark, quotesAll, closed }) => {
        const cell = (text: string) =>
          quotesAll || /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
        const lines = [names, ...rows].map((cells) => cells.map(cell).join(separator));
        const found = await read(mark + lines.join(end) + (closed ? end : ''));
        const starts = lines.map(
          (_, at) => lines.slice(0, at).join('\n').split('\n').length + (at > 0 ? 1 : 0),
        );
        expect(found).toEqual(
          rows.map((cells, at) => ({
            line: starts[at + 1],
            values: Object.fromEntries(
              names.flatMap((column, place) => (cells[place] === '' ? [] : [[column, cells[place]]])),
            ),
          })),
        );
      }),
    );
  });
});
