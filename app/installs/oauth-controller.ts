import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import { addressOf } from '../http/caller-address.ts';
import { hubId, parse } from '../http/parse.ts';
import { browserOf, formToken, isFormToken, nameBrowser } from './browser-cookie.ts';
import { installFailed } from './errors.ts';
import type { OAuthFlows } from './oauth-flows.ts';
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
/** What else is in the form is for the sign-in. */
const signInForm = z.object({ returnUrl: z.string(), token: z.string() }).catchall(z.string());

interface Dependencies {
  flows: OAuthFlows;
  portalUrl: InstallService['portalUrl'];
  partnerSignIn: PartnerSignIn;
  sessionSecret: string;
  /** Limits the requests of one address. */
  limit: RequestHandler[];
}

/** The routes of the three flows: our own install link, HubSpot's marketplace, and the marketplace with a sign-in here. */
export function oauthRoutes(dependencies: Dependencies): Router {
  const { flows, portalUrl, partnerSignIn, sessionSecret, limit } = dependencies;
  // Express throws for an empty list of handlers.
  const noLimit: RequestHandler = (_req, _res, next) => next();
  // A HEAD request, such as a link preview, must not use up the code.
  const getOnly: RequestHandler = (_req, res, next) => {
    res.set('Allow', 'GET');
    next(new AppError(405, 'method_not_allowed', 'This address takes GET only. Nothing was done.'));
  };

  return Router()
    .use(['/install', '/oauth-callback', '/partner-sign-in'], [noLimit, ...limit])
    .head(['/install', '/oauth-callback'], getOnly)
    .get('/install', async (req, res) => {
      const { portalId } = parse(installQuery, req.query);
      res.set('Cache-Control', 'no-store').redirect(302, flows.begin(portalId));
    })

    .get('/oauth-callback', async (req, res) => {
      res.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
      const query = callbackQuery.parse(req.query);
      const { code, state, error, step, returnUrl } = query;
      // The marketplace's Install button has been seen to open this address without any parameter.
      if (Object.keys(req.query).length === 0) return res.redirect(302, flows.begin());
      if (error) {
        const description = query.error_description;
        return flows.fail({ error, description, code, state, browser: browserOf(req) });
      }
      if (step === 'authorize' && returnUrl) return showSignIn(req, res, returnUrl);
      if (step === 'finalize' && code && state && returnUrl) {
        return res.redirect(
          302,
          await flows.finishPartner(code, state, returnUrl, browserOf(req), addressOf(req)),
        );
      }
      if (step) throw installFailed('callback_incomplete');
      if (code && state) {
        const back = returnUrl && flows.requireReturnUrl(returnUrl).href;
        const install = await flows.finishOwn(code, state, addressOf(req));
        if (back) return res.redirect(302, back);
        return res.render('installed', {
          title: 'The app is connected',
          install,
          portalUrl: portalUrl(install.portalId),
        });
      }
      if (code && returnUrl)
        return res.redirect(302, await flows.finishMarketplace(code, returnUrl, addressOf(req)));
      throw installFailed(code ? 'callback_unasked' : 'callback_incomplete');
    })

    .post('/partner-sign-in', express.urlencoded({ extended: false, limit: '16kb' }), async (req, res) => {
      res.set('Cache-Control', 'no-store');
      const { returnUrl, token, ...form } = parse(signInForm, req.body);
      const browser = browserOf(req);
      if (!browser || !isFormToken(token, browser, sessionSecret)) throw installFailed('state_unknown');
      const signedIn = await partnerSignIn.authenticate(form);
      if (!signedIn)
        return showSignIn(req, res.status(401), returnUrl, {
          ...(form.user !== undefined && { user: form.user }),
          problem: 'That name and key do not go together.',
        });
      res.redirect(303, await flows.beginPartner(returnUrl, signedIn, browser));
    });

  function showSignIn(
    req: Request,
    res: Response,
    returnUrl: string,
    retry: { user?: string; problem?: string } = {},
  ): void {
    flows.requireReturnUrl(returnUrl);
    const browser = nameBrowser(req, res);
    // The form ends in a redirect to HubSpot, which the default `form-action 'self'` would block.
    res.set('Content-Security-Policy', "default-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    res.render('sign-in', {
      title: 'Sign in to connect HubSpot',
      returnUrl,
      token: formToken(browser, sessionSecret),
      ...retry,
    });
  }
}
