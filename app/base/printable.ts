/** Marks that change the direction of the text after them: with them a line can show other words than it holds. */
const DIRECTION_MARKS = '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069';
const STEERS_TERMINAL = /(?!\n)\p{Cc}/gu;
const TURNS_TEXT = new RegExp(`[${DIRECTION_MARKS}]`, 'g');
/** JSON itself escapes only the controls below U+0020. */
const UNESCAPED_IN_JSON = new RegExp(`[\\u007f-\\u009f${DIRECTION_MARKS}]`, 'g');

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Text that came from outside, so that it cannot steer a terminal. Line feeds stay. */
export const printable = (text: string): string =>
  text.replace(STEERS_TERMINAL, ' ').replace(TURNS_TEXT, escaped);

/** The same JSON value without a character that steers a terminal. */
export const printableJson = (json: string): string => json.replace(UNESCAPED_IN_JSON, escaped);

/** A line of JSON whose texts are printable also once they are parsed. */
export const jsonOfPrintable = (line: string): string => {
  const made = JSON.parse(line, (_key, value) => (typeof value === 'string' ? printable(value) : value));
  return `${JSON.stringify(made)}\n`;
};

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu;

/** Text that anyone may have written as one short line, without controls and invisible marks. */
export function shortLine(text: string, most: number): string {
  const characters = [...text.toWellFormed().replace(INVISIBLE, ' ').trim()];
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : characters.join('');
}
