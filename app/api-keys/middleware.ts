import type { RequestHandler } from 'express';
import { AppError, unauthorized } from '../base/errors.ts';
import type { ApiKeyService } from './service.ts';

/**
 * Requires `Authorization: Bearer <key>`; a key in a URL would end up in logs. A key that is limited to one portal is
 * valid for that portal's routes only.
 */
export function requireApiKey(apiKeys: Pick<ApiKeyService, 'accept'>): RequestHandler {
  return async (req, res, next) => {
    const [, key] = /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '') ?? [];
    const accepted = key ? await apiKeys.accept(key) : undefined;
    if (!accepted) {
      res.set('WWW-Authenticate', 'Bearer');
      throw unauthorized();
    }
    if (accepted.portalId !== null && String(accepted.portalId) !== req.params.hubId) {
      throw new AppError(
        403,
        'key_limited',
        `This key opens only the routes of portal ${accepted.portalId}.`,
      );
    }
    next();
  };
}
