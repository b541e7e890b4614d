import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { originOf } from '../pages/marketplace.ts';
import { ACCESS_TOKEN_SECONDS } from '../state/tokens.ts';
import { ControlError, parseControl } from './control-error.ts';

const marketplaceBody = z.strictObject({
  portalId: z.number().int(),
  partnerSignIn: z.boolean().default(false),
});
const portalsBody = z.strictObject({
  from: z.number().int().min(1),
  count: z.number().int().min(1).max(100_000).default(1),
  installed: z.boolean().default(false),
  /** The granted scopes. Default: the app's required and optional scopes. */
  scopes: z.array(z.string()).optional(),
});

const privateAppBody = z.strictObject({
  portalId: z.number().int(),
  /** The scopes of the app. Default: those of this app that a private app may have. */
  scopes: z.array(z.string()).optional(),
  /** Deletes the app instead. */
  deleted: z.boolean().default(false),
});
/** HubSpot grants these only to apps that others install. */
const NOT_FOR_PRIVATE_APPS = ['oauth', 'timeline'];

/** The controls that create accounts and installs. */
export function installControls({
  portals,
  tokens,
  privateApps,
  settings,
  marketplace,
}: SandboxContext): Router {
  const router = Router();

  /** An admin creates the account's private app, rotates its token, or deletes it. */
  router.post('/private-app', (req, res) => {
    const { portalId, scopes, deleted } = parseControl(privateAppBody, req.body);
    const portal = portals.find(portalId);
    if (!portal) throw new ControlError(404, `There is no account ${portalId}.`);
    if (deleted) {
      res.json({ portalId, wasThere: privateApps.remove(portalId) });
      return;
    }
    const { appId, requiredScopes, optionalScopes } = settings.get();
    const own = [...requiredScopes, ...optionalScopes].filter((it) => !NOT_FOR_PRIVATE_APPS.includes(it));
    const refused = scopes?.filter((scope) => NOT_FOR_PRIVATE_APPS.includes(scope)) ?? [];
    if (refused.length > 0) throw new ControlError(400, `A private app cannot have ${refused.join(', ')}.`);
    const granted = scopes ?? own;
    const { token } = privateApps.issue({ portalId, userId: portal.user.id, scopes: granted });
    res.status(201).json({ portalId, appId, accessToken: token, scopes: granted });
  });

  /** The first URL of an install that starts at HubSpot; the user approves at once. */
  router.post('/marketplace', (req, res) => {
    const { portalId, partnerSignIn } = parseControl(marketplaceBody, req.body);
    const portal = portals.find(portalId);
    if (!portal) throw new ControlError(404, `There is no account ${portalId}.`);
    const install = marketplace.begin(portal, originOf(req), { partnerSignIn, approvesItself: true });
    res.json({ url: partnerSignIn ? marketplace.signInUrl(install) : marketplace.approve(install) });
  });

  router.post('/portals', async (req, res) => {
    const { from, count, installed, scopes } = parseControl(portalsBody, req.body);
    const { requiredScopes, optionalScopes } = settings.get();
    const granted = scopes ?? [...requiredScopes, ...optionalScopes];

    function add(portalId: number) {
      const { user } = portals.add(portalId);
      if (!installed) return { portalId };
      const { access, refreshToken } = tokens.install({ portalId, userId: user.id, scopes: granted });
      return { portalId, accessToken: access.token, refreshToken, expiresIn: ACCESS_TOKEN_SECONDS };
    }

    /** Streamed: the response for 100,000 portals has about 50 MB. */
    function* answer() {
      yield '{"results":[';
      for (let start = 0; start < count; start += 1000) {
        const size = Math.min(1000, count - start);
        const results = Array.from({ length: size }, (_, index) => JSON.stringify(add(from + start + index)));
        yield `${start === 0 ? '' : ','}${results.join(',')}`;
      }
      yield ']}';
    }

    res.status(201).type('json');
    await pipeline(Readable.from(answer()), res);
  });

  return router;
}
