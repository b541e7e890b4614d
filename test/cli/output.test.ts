import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { jsonOfPrintable, printable, printableJson } from '../../app/base/printable.ts';
import { createOutput } from '../../app/cli/output.ts';
import { hubspotCommand } from './hubspot-command.ts';

/** What moves a terminal's cursor or changes the direction of its text. */
const STEERING = /(?!\n)\p{Cc}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const SAMPLES = [
  '\u0000',
  '\t',
  '\r',
  '\u001b[2J',
  '\u007f',
  '\u0085',
  '\u009b2J',
  '\u009f',
  '\u061c',
  '\u200e',
].concat(['\u200f', '\u202a', '\u202e', '\u2066', '\u2069', '\n', '\\u202e', '"', '日本', '😀', '\ud800']);

/** Any text, most often with some of those. */
const text = fc
  .array(fc.oneof(fc.constantFrom(...SAMPLES), fc.string({ unit: 'binary' })), { maxLength: 8 })
  .map((parts) => parts.join(''));
const value = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.dictionary(text, text, { maxKeys: 3 }));
const row = fc.record({ id: text, name: value });

/** All that is printed, to either stream. */
function printedBy(print: () => void): string {
  const lines: string[] = [];
  const spies = (['log', 'error'] as const).map((method) =>
    jest.spyOn(console, method).mockImplementation((line) => lines.push(String(line))),
  );
  try {
    print();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return lines.join('\n');
}

describe('the output of a command', () => {
  it('contains no terminal control characters, whatever the values are', () => {
    const property = fc.property(fc.array(row), text, text, fc.boolean(), (rows, sentence, name, json) => {
      const out = createOutput(json);
      const named: Record<string, unknown>[] = rows.map((row) => ({ ...row, [name]: row.name }));
      const printed = printedBy(() => {
        out.list(named, ['id', 'name', name], sentence);
        out.report({ before: sentence, rows: named, columns: ['id', name], after: sentence }, { named });
        out.one({ name: sentence, [name]: rows.map(({ id }) => id) }, { rows });
        out.done(sentence, { [name]: sentence });
        out.note(sentence);
      });
      expect(printed).not.toMatch(STEERING);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('is parsed to the same value as JSON', () => {
    const property = fc.property(fc.dictionary(text, value), (data) => {
      expect(JSON.parse(printedBy(() => createOutput(true).done('', data)))).toEqual(
        JSON.parse(JSON.stringify(data)),
      );
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('escapes bidirectional control characters instead of dropping them', () => {
    expect(printable('gpj.\u202eexe')).toBe('gpj.\\u202eexe');
    expect(printableJson(JSON.stringify('a\u009bb'))).toBe('"a\\u009bb"');
    expect(JSON.parse(jsonOfPrintable(JSON.stringify({ msg: 'a\u001b\u202e' })))).toEqual({
      msg: 'a \\u202e',
    });
  });

  it('keeps each row of a table on one line', () => {
    const rows = [{ id: 'a\nb', list: ['x\ny', 'z'] }];
    expect(printedBy(() => createOutput(false).list(rows, ['id', 'list'], '')).split('\n')).toHaveLength(2);
  });

  it('aligns the lines of a field', () => {
    const fields = { listId: '13', filters: { operator: 'OR' } };
    expect(printedBy(() => createOutput(false).one(fields)).split('\n')).toEqual([
      'list id  13',
      'filters  {',
      '           "operator": "OR"',
      '         }',
    ]);
  });

  it('contains no terminal control characters in usage errors either', async () => {
    for (const args of [
      ['\u202einstalls'],
      ['installs', 'show', '\u009b2J'],
      ['installs', 'list', '--\u202e'],
    ]) {
      const { code, output, errors } = await hubspotCommand({}, ...args);
      expect(code).toBe(1);
      expect(output + errors).not.toMatch(STEERING);
    }
  });
});
