import type { RequestHandler } from 'express';
import { unauthorized } from '../errors.ts';
import type { ApiKeyService } from '../services/api-key-service.ts';

/** `Authorization: Bearer <key>`, and nothing else: a key in a URL ends up in logs. */
export function requireApiKey(apiKeys: ApiKeyService): RequestHandler {
  return (req, res, next) => {
    const [, key] = /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '') ?? [];
    if (key && apiKeys.accepts(key)) return next();
    res.set('WWW-Authenticate', 'Bearer');
    next(unauthorized());
  };
}
