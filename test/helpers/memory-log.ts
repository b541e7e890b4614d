import { pino } from 'pino';
import { serializeError } from '../../app/base/logger.ts';
import { currentCause } from '../../app/base/trace.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A logger whose lines a test can read. */
export function createMemoryLog(level = 'info') {
  const lines: LogLine[] = [];
  const logger = pino(
    { level, serializers: { err: serializeError }, mixin: () => ({ ...currentCause() }) },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  return { logger, lines };
}
