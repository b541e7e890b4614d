import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseJsonFile } from '../../app/base/json-file.ts';

function problemOf(text: string): string {
  try {
    parseJsonFile('file.json', text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It was accepted.');
}

const LONG = '  "a long name to fill the line": "with a long value",\n';

describe('parseJsonFile', () => {
  it.each([
    ['', 'file.json:1:1 is not JSON: Unexpected end of JSON input.'],
    ['{"a": 1\n', "file.json:2:1 is not JSON: Expected ',' or '}' after property value."],
    ['{\n  "a": x}', "file.json:2:8 is not JSON: Unexpected token 'x'."],
    [`{\n${LONG}  "b": ,\n${LONG.replace(',\n', '\n')}}`, "file.json:3:8 is not JSON: Unexpected token ','."],
    [`{\n${LONG}}`, 'file.json:3:1 is not JSON: Expected double-quoted property name.'],
    [`{\n${LONG}  // a comment\n}`, 'file.json:3:3 is not JSON: Expected double-quoted property name.'],
    [
      `{\n${LONG}  "b": "two\nlines"}`,
      'file.json:3:12 is not JSON: Bad control character in string literal.',
    ],
  ])('names the file and the position of a syntax error: %j', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it('never quotes an invalid file', () => {
    const secret = 'Kv7secretQ';
    for (const text of [
      `{"key": ${secret}}`,
      `{"key": "${secret}`,
      `${secret}`,
      `{"a": 1, "key": "${secret}"} x`,
    ]) {
      expect(problemOf(text)).not.toContain(secret.slice(1));
    }
  });

  it('parses valid files and names a truncated one', () => {
    const property = fc.property(fc.json(), fc.double({ min: 0, max: 1, noNaN: true }), (text, part) => {
      expect(parseJsonFile('file.json', text)).toEqual(JSON.parse(text));
      const cut = `[${text.slice(0, Math.floor(part * text.length))}`;
      expect(problemOf(cut)).toMatch(/^file\.json(:\d+:\d+)? is not JSON: .*\.$/);
    });
    fc.assert(property);
  });
});
