/** Characters that change the direction of text, with which a line can display other words than it holds. */
const DIRECTION_MARKS = '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069';
const STEERS_TERMINAL = /(?!\n)\p{Cc}/gu;
const TURNS_TEXT = new RegExp(`[${DIRECTION_MARKS}]`, 'g');
/** JSON escapes only the control characters below U+0020. */
const UNESCAPED_IN_JSON = new RegExp(`[\\u007f-\\u009f${DIRECTION_MARKS}]`, 'g');

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Makes text from outside safe for a terminal. Keeps line feeds. */
export const printable = (text: string): string =>
  text.replace(STEERS_TERMINAL, ' ').replace(TURNS_TEXT, escaped);

/** Escapes control characters in JSON without changing its value. */
export const printableJson = (json: string): string => json.replace(UNESCAPED_IN_JSON, escaped);

/** Makes all strings in a line of JSON printable. */
export const jsonOfPrintable = (line: string): string => {
  const made = JSON.parse(line, (_key, value) => (typeof value === 'string' ? printable(value) : value));
  return `${JSON.stringify(made)}\n`;
};

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu;

/** Shortens text from outside to one line without control or invisible characters. */
export function shortLine(text: string, most: number): string {
  const characters = [...text.toWellFormed().replace(INVISIBLE, ' ').trim()];
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : characters.join('');
}
