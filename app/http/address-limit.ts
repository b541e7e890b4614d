import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { AppError } from '../base/errors.ts';
import { addressOf } from './caller-address.ts';

const WINDOW_MS = 60_000;

/**
 * Limits the requests per minute from one address, counted in this process.
 * @param setting names the setting of the limit in the log.
 * @see https://express-rate-limit.mintlify.app
 */
export function limitPerAddress(limit: number, setting: string): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit,
    keyGenerator: addressOf,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    // Anyone may send the header; `trust proxy` decides whether it counts.
    validate: { xForwardedForHeader: false },
    handler: (_req, _res, next) =>
      next(
        new AppError(
          429,
          'too_many_requests',
          'Too many requests came from your network within a minute. This one was not carried out; try again in a minute.',
          {
            title: 'Please wait a minute',
            retryAfter: WINDOW_MS / 1000,
            reason: `more than ${limit} requests a minute from one address (${setting})`,
          },
        ),
      ),
  });
}
