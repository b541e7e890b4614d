import path from 'node:path';
import { fileURLToPath } from 'node:url';

const APP = path.join(import.meta.dirname, '..') + path.sep;
const ROOT = path.join(APP, '..');
const places = new WeakMap<object, string>();

/** Remembers the file and line that call a `define…` function, for the messages of the start-up checks. */
export function notePlace<Definition extends object>(definition: Definition): Definition {
  const place = callerOutsideApp();
  if (place && typeof definition === 'object' && definition !== null) places.set(definition, place);
  return definition;
}

/** `integration/cards/orders.ts:5`; undefined for what no `define…` function has seen. */
export const placeOf = (definition: unknown): string | undefined =>
  typeof definition === 'object' && definition !== null ? places.get(definition) : undefined;

function callerOutsideApp(): string | undefined {
  const frames = new Error().stack?.split('\n').slice(1) ?? [];
  for (const frame of frames) {
    const [, location = '', line] = /\(?([^\s(]+):(\d+):\d+\)?$/.exec(frame) ?? [];
    if (!location || location.startsWith('node:')) continue;
    const file = location.startsWith('file:') ? fileURLToPath(location) : location;
    if (!file.startsWith(APP)) return `${path.relative(ROOT, file)}:${line}`;
  }
  return undefined;
}
