import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../base/errors.ts';

/** Limit for bodies other than HubSpot's deliveries. */
export const BODY_LIMIT = '1mb';
const MB = 1024 * 1024;
/**
 * Limit for all bodies together that are being received from unverified callers. Beyond it, the oldest of them
 * is aborted: HubSpot sends bodies quickly, so slow senders are evicted.
 */
const MOST_UNVERIFIED_BYTES = 48 * MB;
/** The overhead of a chunk, because a sender may send byte by byte. */
const CHUNK_BYTES = 256;

/** A request of Node, with the additions of Express if it passed through Express. */
export type RawRequest = IncomingMessage & { body?: unknown; originalUrl?: string };

export type RawHandler = (req: RawRequest, res: ServerResponse, next: (error?: unknown) => void) => void;

export type BodyCapture = (req: RawRequest, limitMb: number, next: (error?: AppError) => void) => void;

/**
 * Keeps a body's exact bytes in `req.body`, whatever the content type: signatures cover bytes, which parsing and
 * serialising would change. Compressed bodies are rejected, as HubSpot sends none. Own code
 * because it runs for every webhook and takes a third of the time of the general parser.
 */
export function createBodyCapture(): BodyCapture {
  let unverifiedBytes = 0;
  /** Aborts each body that is being received, the oldest first. */
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
        // The rest is read and discarded, so that the caller can read the response.
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
