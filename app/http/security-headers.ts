import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Helmet's headers, the same for every answer. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = headersOf(
  helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }),
);

/** For answers that Express does not send. Never cached, as many answers hold personal data. */
export const ANSWER_HEADERS = { ...SECURITY_HEADERS, 'cache-control': 'no-store' } as const;

export const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set(SECURITY_HEADERS);
  next();
};

export const noStore: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store');
  next();
};

function headersOf(setHeaders: ReturnType<typeof helmet>): Record<string, string> {
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  setHeaders(req, res, () => {});
  return Object.fromEntries(Object.entries(res.getHeaders()).map(([name, value]) => [name, String(value)]));
}
