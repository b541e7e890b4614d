import { Router } from 'express';
import { z } from 'zod';
import type { CardService } from '../services/card-service.ts';
import type { SignedRequest } from '../verification/signed-request.ts';
import { hubId, parse } from './parse.ts';

/**
 * A card's own front end may repeat what HubSpot adds. Equal repeats are one value; with two different ones,
 * nobody can say which is HubSpot's.
 */
const once = <T extends z.ZodType>(schema: T) =>
  z.preprocess((given) => (Array.isArray(given) && new Set(given).size === 1 ? given[0] : given), schema);

const cardName = z.string().optional();

const cardQuery = z.object({
  portalId: once(hubId),
  appId: once(z.string().optional()),
  associatedObjectId: once(z.string().regex(/^\d{1,20}$/, 'must be the id of a record')),
  associatedObjectType: once(z.string().regex(/^[\w-]{1,50}$/, 'must be a type such as CONTACT')),
});

export function crmExtensionRoutes(cards: CardService, signedRequest: SignedRequest): Router {
  return Router().get(['/crm-extension', '/crm-extension/:card'], signedRequest('card'), async (req, res) => {
    const query = parse(cardQuery, req.query);
    res.set('Cache-Control', 'no-store').json(
      await cards.render(parse(cardName, req.params.card), {
        portalId: query.portalId,
        objectType: query.associatedObjectType.toUpperCase(),
        objectId: query.associatedObjectId,
      }),
    );
  });
}
