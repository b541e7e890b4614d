import { type Request, type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { AppError, invalidRequest } from '../base/errors.ts';
import { hubId, parse } from '../http/parse.ts';
import { rawBodyOf } from '../http/signature/raw-body.ts';
import type { SignedRequest } from '../http/signature/signed-request.ts';
import type { CardService } from './service.ts';

/**
 * A card's own front end may repeat what HubSpot adds. Equal repeats are one value; with two different ones,
 * nobody can say which is HubSpot's.
 */
const once = <T extends z.ZodType>(schema: T) =>
  z.preprocess(
    (given) => (Array.isArray(given) && new Set(given).size === 1 ? given[0] : given),
    z
      .unknown()
      .refine((given) => !Array.isArray(given), 'was sent several times, with different values')
      .pipe(schema),
  );

const text = once(z.string().optional());

const cardQuery = z.object({
  portalId: once(hubId),
  appId: text,
  associatedObjectId: once(z.string().regex(/^\d{1,20}$/, 'must be the id of a record')),
  associatedObjectType: once(z.string().regex(/^[\w-]{1,50}$/, 'must be a type such as CONTACT')),
});

const actionValues = cardQuery.extend({ userId: text, userEmail: text }).catchall(once(z.string()));

export function crmExtensionRoutes(cards: CardService, signedRequest: SignedRequest): Router {
  const signed = signedRequest('card');

  return Router()
    .get(['/crm-extension', '/crm-extension/:card'], signed, async (req, res) => {
      const name = req.params.card as string | undefined;
      const answer = await cards.render(name, recordOf(parse(cardQuery, req.query)));
      res.json(answer);
    })
    .all('/crm-extension/:card/actions/:action', actionMethods, signed, async (req, res) => {
      const { card = '', action = '' } = req.params as Record<string, string>;
      const values = parse(actionValues, valuesOf(req));
      const { appId: _, portalId, associatedObjectId, associatedObjectType, ...rest } = values;
      const { userId, userEmail, ...properties } = rest;
      const record = recordOf({ portalId, associatedObjectId, associatedObjectType });
      const answer = await cards.act(card, action, {
        ...record,
        userId,
        userEmail,
        properties: properties as Record<string, string>,
      });
      res.json(answer);
    });
}

const ACTION_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** What only looks at an address, such as HEAD, must not carry an action out. */
const actionMethods: RequestHandler = (req, res, next) => {
  if (ACTION_METHODS.includes(req.method)) return next();
  res.set('Allow', ACTION_METHODS.join(', '));
  next(
    new AppError(
      405,
      'method_not_allowed',
      `An action cannot be called with ${req.method}. Nothing was done.`,
    ),
  );
};

const recordOf = (query: { portalId: number; associatedObjectId: string; associatedObjectType: string }) => ({
  portalId: query.portalId,
  objectType: query.associatedObjectType.toUpperCase(),
  objectId: query.associatedObjectId,
});

/**
 * The values of an action hook, with repeated ones. They are in the query, and for methods with a body in a
 * form (classic cards) or in JSON (app cards, in the query as well).
 */
function valuesOf(req: Request): Record<string, unknown[]> {
  const values = new Map<string, unknown[]>();
  const add = (name: string, value: unknown) => {
    // As the query has it: HubSpot writes ids as numbers in JSON.
    const given = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    if (given !== null && given !== undefined) values.set(name, [...(values.get(name) ?? []), given]);
  };
  for (const [name, value] of Object.entries(req.query)) for (const one of [value].flat()) add(name, one);
  const body = rawBodyOf(req);
  if (req.is('urlencoded'))
    for (const [name, value] of new URLSearchParams(body.toString())) add(name, value);
  else if (body.length > 0) for (const [name, value] of Object.entries(jsonObject(body))) add(name, value);
  return Object.fromEntries(values);
}

function jsonObject(body: Buffer): object {
  try {
    const parsed = JSON.parse(body.toString());
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // Said below.
  }
  throw invalidRequest('The body must be a form or a JSON object.');
}
