import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import { addressOf } from '../http/caller-address.ts';
import { hubId, parse } from '../http/parse.ts';
import { browserOf, formToken, isFormToken, nameBrowser } from './browser-cookie.ts';
import { installFailed } from './errors.ts';
import type { PartnerSignIn } from './partner-sign-in.ts';
import type { InstallService } from './service.ts';

const text = z.string().min(1).optional().catch(undefined);
const callbackQuery = z.object({
  code: text,
  state: text,
  error: text,
  error_description: text,
  step: text,
  returnUrl: text,
});
const installQuery = z.object({ portalId: hubId.optional() });
const signInForm = z.object({ returnUrl: z.string(), token: z.string(), user: z.string(), key: z.string() });

interface Dependencies {
  installs: InstallService;
  partnerSignIn: PartnerSignIn;
  sessionSecret: string;
  /** Bounds what one address may ask for. */
  limit: RequestHandler[];
}

/** The ways in: our own install link, HubSpot's marketplace, and the marketplace with our sign-in between. */
export function oauthRoutes({ installs, partnerSignIn, sessionSecret, limit }: Dependencies): Router {
  // Express refuses to mount nothing.
  const noLimit: RequestHandler = (_req, _res, next) => next();
  // Someone who looks at an address without opening it, such as a link preview, must not spend its code.
  const getOnly: RequestHandler = (_req, res, next) => {
    res.set('Allow', 'GET');
    next(new AppError(405, 'method_not_allowed', 'This address takes GET only. Nothing was done.'));
  };

  return Router()
    .use(['/install', '/oauth-callback', '/partner-sign-in'], [noLimit, ...limit])
    .head(['/install', '/oauth-callback'], getOnly)
    .get('/install', async (req, res) => {
      const { portalId } = parse(installQuery, req.query);
      res.set('Cache-Control', 'no-store').redirect(302, installs.begin(portalId));
    })

    .get('/oauth-callback', async (req, res) => {
      res.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
      const query = callbackQuery.parse(req.query);
      const { code, state, error, step, returnUrl } = query;
      // Seen in the wild: the marketplace's Install button reaching this address with nothing at all.
      if (Object.keys(req.query).length === 0) return res.redirect(302, installs.begin());
      if (error) {
        const description = query.error_description;
        return installs.refuse({ error, description, code, state, browser: browserOf(req) });
      }
      if (step === 'authorize' && returnUrl) return showSignIn(req, res, returnUrl);
      if (step === 'finalize' && code && state && returnUrl) {
        return res.redirect(
          302,
          await installs.finishPartner(code, state, returnUrl, browserOf(req), addressOf(req)),
        );
      }
      if (step) throw installFailed('callback_incomplete');
      if (code && state) {
        const back = returnUrl && installs.requireReturnUrl(returnUrl).href;
        const install = await installs.finishOwn(code, state, addressOf(req));
        if (back) return res.redirect(302, back);
        return res.render('installed', {
          title: 'The app is connected',
          install,
          portalUrl: installs.portalUrl(install.portalId),
        });
      }
      if (code && returnUrl)
        return res.redirect(302, await installs.finishMarketplace(code, returnUrl, addressOf(req)));
      throw installFailed(code ? 'callback_unasked' : 'callback_incomplete');
    })

    .post('/partner-sign-in', express.urlencoded({ extended: false, limit: '16kb' }), async (req, res) => {
      res.set('Cache-Control', 'no-store');
      const { returnUrl, token, user, key } = parse(signInForm, req.body);
      const browser = browserOf(req);
      if (!browser || !isFormToken(token, browser, sessionSecret)) throw installFailed('state_unknown');
      const signedIn = await partnerSignIn.authenticate({ user, key });
      if (!signedIn)
        return showSignIn(req, res.status(401), returnUrl, {
          user,
          problem: 'That name and key do not go together.',
        });
      res.redirect(303, await installs.beginPartner(returnUrl, signedIn, browser));
    });

  function showSignIn(
    req: Request,
    res: Response,
    returnUrl: string,
    again: { user?: string; problem?: string } = {},
  ): void {
    installs.requireReturnUrl(returnUrl);
    const browser = nameBrowser(req, res);
    // The form ends in a redirect to HubSpot, which the default `form-action 'self'` would block.
    res.set('Content-Security-Policy', "default-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    res.render('sign-in', {
      title: 'Sign in to connect HubSpot',
      returnUrl,
      token: formToken(browser, sessionSecret),
      ...again,
    });
  }
}
