import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import { type Logger, maskEmails } from '../base/logger.ts';
import { withCause } from '../base/trace.ts';

const ACCEPTABLE_ID = /^[A-Za-z0-9_-]{8,64}$/;

/**
 * Logs one line per request and sends its id in `X-Request-Id`. Query strings are not logged: they hold codes, states,
 * tickets and e-mail addresses.
 */
export function requestLog(logger: Logger): RequestHandler {
  const log = pinoHttp({
    logger,
    genReqId: (req: IncomingMessage, res: ServerResponse) => {
      const given = req.headers['x-request-id'];
      const id = typeof given === 'string' && ACCEPTABLE_ID.test(given) ? given : randomUUID();
      res.setHeader('X-Request-Id', id);
      return id;
    },
    serializers: {
      req: (req: { id: string; method: string; url: string }) => ({
        id: req.id,
        method: req.method,
        path: withoutPersonalData(req.url),
      }),
      res: (res: { statusCode: number }) => ({ status: res.statusCode }),
    },
    customLogLevel: (req, res, error) => {
      if (error || res.statusCode >= 500) return 'error';
      return req.url === '/healthz' || req.url === '/readyz' ? 'debug' : 'info';
    },
    // The error handler has logged the error.
    customErrorObject: (_req, _res, _error, { err: _, ...line }) => line,
    customSuccessMessage: (req, res) => `${req.method} ${withoutPersonalData(req.url)} ${res.statusCode}`,
    customErrorMessage: (req, res) => `${req.method} ${withoutPersonalData(req.url)} ${res.statusCode}`,
  });
  return (req, res, next) => {
    log(req, res);
    withCause({ requestId: String(req.id) }, next);
  };
}

const withoutPersonalData = (url = '') => maskEmails(url.split('?', 1)[0] ?? '');
