/** How many characters V8 quotes before an unexpected token. */
const QUOTED_BEFORE = 10;

/**
 * Parses the text of a JSON file.
 * @throws {Error} with the file's name and, when known, line and column; never with the file's content.
 */
export function parseJsonFile(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : '';
    const position = positionOf(said, text);
    const where = position === undefined ? file : `${file}:${lineAndColumn(text, position)}`;
    throw new Error(
      `${where} is not JSON: ${said.replace(/(?: in JSON)? at position .*|, .* is not valid JSON$/s, '')}.`,
    );
  }
}

/** Some of V8's messages name the position; others quote the source around it. */
function positionOf(said: string, text: string): number | undefined {
  const [, named] = /at position (\d+)/.exec(said) ?? [];
  if (named !== undefined) return Number(named);
  if (said === 'Unexpected end of JSON input') return text.trimEnd().length;
  const [, token = '', before, quoted = ''] =
    /^Unexpected token '(.+)', (\.\.\.)?"(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(said) ?? [];
  const sought = before ? quoted : token;
  const [first, last] = [text.indexOf(sought), text.lastIndexOf(sought)];
  if (sought === '' || first === -1 || first !== last) return undefined;
  return before ? first + QUOTED_BEFORE : first;
}

function lineAndColumn(text: string, position: number): string {
  const lines = text.slice(0, position).split('\n');
  return `${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
}
