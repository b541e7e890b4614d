import type { Response } from 'express';
import { ApiError, type ErrorDetail } from './api-error.ts';

/** One input that failed while others did not: SPEC `StandardError`. */
export interface BatchError {
  status: 'error';
  category: string;
  subCategory?: unknown;
  message: string;
  context: Record<string, string[]>;
  errors: ErrorDetail[];
  links: Record<string, string>;
}

/** Answers a batch: `status`, or 207 when some of it failed. */
export function answerBatch(
  res: Response,
  status: number,
  results: readonly unknown[],
  errors: readonly BatchError[] = [],
): void {
  const now = new Date().toISOString();
  const partial = errors.length > 0 ? { numErrors: errors.length, errors } : {};
  const body = { status: 'COMPLETE', results, startedAt: now, completedAt: now, ...partial };
  res.status(errors.length > 0 ? 207 : status).json(body);
}

/** A rejected input in a batch response. */
export function batchError(error: ApiError, context: Record<string, string[]> = {}): BatchError {
  const { category, message, fields } = error;
  return {
    status: 'error',
    category,
    ...(fields.subCategory !== undefined && { subCategory: fields.subCategory }),
    message,
    context: { ...(fields.context as Record<string, string[]> | undefined), ...context },
    errors: fields.errors ?? [],
    links: {},
  };
}

/** Processes the inputs one after the other; rejected ones become errors of the batch. */
export function eachAlone<T, R>(inputs: readonly T[], work: (input: T) => R) {
  const results: R[] = [];
  const errors: BatchError[] = [];
  for (const input of inputs) {
    try {
      results.push(work(input));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      errors.push(batchError(error));
    }
  }
  return { results, errors };
}
