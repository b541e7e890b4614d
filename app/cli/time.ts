import { InvalidArgumentError } from 'commander';

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** A time in ISO 8601 (`2026-11-21`, `2026-11-21T09:30:00Z`), or how long ago (`30m`, `2h`, `3d`). */
export function timeArgument(text: string): Date {
  const [, number, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  const ago = number && unit ? Date.now() - Number(number) * (UNITS[unit] ?? 0) * 1000 : undefined;
  const isDate = /^\d{4}-\d\d-\d\d(T.+)?$/.test(text);
  const at = ago !== undefined ? new Date(ago) : isDate ? new Date(text) : undefined;
  // No data is older, and PostgreSQL's calendar is limited.
  if (!at || !(at.getTime() >= 0)) {
    throw new InvalidArgumentError(
      'It must be a time since 1970, such as 2026-11-21 or 2026-11-21T09:30:00Z, or how long ago: 30m, 2h, 3d.',
    );
  }
  return at;
}

/** Epoch milliseconds in ISO 8601; unchanged when they are out of range. */
export function asTime(ms: number): Date | number {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? ms : time;
}
