import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RequestHandler, Response } from 'express';
import type { SandboxContext } from '../context.ts';
import type { Failure } from '../state/failures.ts';

/** Every API response has a correlation id. */
export const correlationId: RequestHandler = (_req, res, next) => {
  res.set('X-HubSpot-Correlation-Id', randomUUID());
  next();
};

/** In characters, of path and query. */
const LONGEST_ADDRESS = 8 * 1024;

/** HubSpot's gateway rejects longer URLs; its response does not have the API's format. */
export const limitAddress: RequestHandler = (req, res, next) => {
  if (req.originalUrl.length <= LONGEST_ADDRESS) return next();
  const title = '414 Request-URI Too Large';
  res.status(414).type('html').send(`<html><head><title>${title}</title></head><body>${title}</body></html>`);
};

export function logRequests({ requestLog }: SandboxContext): RequestHandler {
  return (req, res, next) => {
    const { method, path, query, headers } = req;
    const entry = requestLog.add({ method, path, query, headers, body: req.body ?? null });
    res.on('finish', () => {
      entry.status = res.statusCode;
    });
    next();
  };
}

/** Applies the failures of `POST /_sandbox/failures` to a request. */
export function planFailures({ failures }: SandboxContext): RequestHandler {
  return async (req, res, next) => {
    const failure = failures.take(req.method, req.path);
    if (!failure) return next();
    await delay(failure.delayMs, undefined, { ref: false });
    if (failure.status === undefined) return next();
    if (!failure.afterwards) return answer(res, failure, failure.status);
    loseAnswer(res, failure, failure.status);
    next();
  };
}

function answer(res: Response, { headers, body }: Failure, status: number): void {
  if (status === 0) {
    res.socket?.destroy();
    return;
  }
  res.status(status).set(headers);
  if (body === undefined) res.end();
  else if (typeof body !== 'string') res.json(body);
  else {
    if (!res.hasHeader('content-type')) res.type(body.startsWith('<') ? 'html' : 'text');
    res.send(body);
  }
}

/** Processes the request and replaces its response with the failure. */
function loseAnswer(res: Response, failure: Failure, status: number): void {
  const send = res.send.bind(res);
  const end = res.end.bind(res);
  const replaced = () => {
    res.send = send;
    res.end = end;
    answer(res, failure, status);
    return res;
  };
  res.send = replaced;
  res.end = replaced as typeof res.end;
}
