import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../base/errors.ts';

/** Of bodies that are not HubSpot's deliveries. */
export const BODY_LIMIT = '1mb';
const MB = 1024 * 1024;
/**
 * For all bodies together that are on their way in, from callers of whom nothing is known yet. Past it the one that has
 * been coming in for longest is cut off: HubSpot sends a body at once, so strangers who hold theirs back make room.
 */
const MOST_UNVERIFIED_BYTES = 48 * MB;
/** What a piece of a body costs besides its bytes: some send theirs byte by byte. */
const CHUNK_BYTES = 256;

/** A request of Node's, with what Express adds to it when it came through Express. */
export type RawRequest = IncomingMessage & { body?: unknown; originalUrl?: string };

export type RawHandler = (req: RawRequest, res: ServerResponse, next: (error?: unknown) => void) => void;

export type BodyCapture = (req: RawRequest, limitMb: number, next: (error?: AppError) => void) => void;

/**
 * Keeps a body's exact bytes in `req.body`, whatever their type: signatures cover bytes, and parsing and
 * re-serialising does not give them back. Compressed bodies are refused, as HubSpot sends none. Written by hand
 * because it is on the path of every webhook, where it costs a third of what the general parser costs.
 */
export function createBodyCapture(): BodyCapture {
  let unverifiedBytes = 0;
  /** How to cut off each body that is coming in, the oldest first. */
  const comingIn = new Set<() => void>();

  return (req, limitMb, next) => {
    const encoding = req.headers['content-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return next(compressed());
    const limit = limitMb * MB;
    if (Number(req.headers['content-length'] ?? 0) > limit) return next(tooLarge(limitMb));

    const chunks: Buffer[] = [];
    let size = 0;
    let held = 0;
    const cutOff = () => finish(tooMany());
    const finish = (error?: AppError) => {
      req.off('data', keep).off('end', done).off('close', cutShort).off('error', cutShort);
      unverifiedBytes -= held;
      comingIn.delete(cutOff);
      if (error) {
        chunks.length = 0;
        // What still comes is read and forgotten, so that the caller gets to read the answer.
        req.on('error', () => {}).resume();
        return next(error);
      }
      const [first] = chunks;
      req.body = chunks.length === 1 ? first : Buffer.concat(chunks, size);
      next();
    };
    const keep = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) return finish(tooLarge(limitMb));
      chunks.push(chunk);
      held += chunk.length + CHUNK_BYTES;
      unverifiedBytes += chunk.length + CHUNK_BYTES;
      for (const cutOffOldest of comingIn) {
        if (unverifiedBytes <= MOST_UNVERIFIED_BYTES) break;
        cutOffOldest();
      }
    };
    const done = () => finish();
    const cutShort = () =>
      finish(new AppError(400, 'request_aborted', 'The request ended before its body did.'));
    comingIn.add(cutOff);
    req.on('data', keep).on('end', done).on('close', cutShort).on('error', cutShort);
  };
}

export function rawBodyOf(req: RawRequest): Buffer {
  return Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
}

export const tooLarge = (limitMb: number = Number.parseInt(BODY_LIMIT, 10)) =>
  new AppError(413, 'body_too_large', `The body is larger than ${limitMb} MB.`);

export const compressed = () => new AppError(415, 'unsupported_encoding', 'Send the body uncompressed.');

const tooMany = () =>
  new AppError(
    503,
    'busy',
    'Too much is coming in at once, so this request was cut off and not carried out. Send it again, at once and whole.',
    {
      retryAfter: 2,
    },
  );
