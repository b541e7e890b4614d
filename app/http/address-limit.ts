import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { AppError } from '../base/errors.ts';
import { addressOf } from './caller-address.ts';

const WINDOW_MS = 60_000;

/**
 * So many requests a minute from one address. Counted in this process.
 * @param setting the setting that the limit is from, for the log.
 * @see https://express-rate-limit.mintlify.app
 */
export function limitPerAddress(limit: number, setting: string): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit,
    keyGenerator: addressOf,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    // A stranger may send the header; `trust proxy` says whether it counts.
    validate: { xForwardedForHeader: false },
    handler: (_req, _res, next) =>
      next(
        new AppError(
          429,
          'too_many_requests',
          'Too many requests came from your network within a minute, so this one was not carried out. Try again in a minute.',
          {
            title: 'Please wait a minute',
            retryAfter: WINDOW_MS / 1000,
            reason: `more than ${limit} requests a minute from one address (${setting})`,
          },
        ),
      ),
  });
}
