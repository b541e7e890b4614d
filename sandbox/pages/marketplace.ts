import express, { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { MarketplaceInstall } from '../state/marketplace.ts';
import { showPage } from './page.ts';
import { scopeText } from './scope-text.ts';

const ways = ['own', 'hubspot', 'sign-in', 'bare'] as const;
const installFields = z.object({ portal_id: z.coerce.number().int(), way: z.enum(ways) });
const decisionFields = z.object({ decision: z.enum(['approve', 'deny']) });
const text = z.string().optional().catch(undefined);
const returnQuery = z.object({ state: text, portalId: text });

/** The app's listing, with every way of installing it that HubSpot has. */
export function marketplacePages({ settings, portals, tokens, marketplace }: SandboxContext): Router {
  const router = Router();
  const posted = express.urlencoded({ extended: false });

  router.get('/marketplace', (_req, res) => {
    const app = settings.get();
    showPage(res, 'marketplace', {
      title: `${app.name} – Marketplace`,
      app,
      redirectUrl: app.redirectUrls[0],
      portals: portals.seeded.map((portal, index) => ({
        ...portal,
        checked: index === 0,
        installed: tokens.findInstall(portal.portalId) !== undefined,
      })),
      formTargets: appOrigins(),
    });
  });

  router.post('/marketplace/install', posted, (req, res, next) => {
    const parsed = installFields.safeParse(req.body ?? {});
    const portal = parsed.success ? portals.find(parsed.data.portal_id) : undefined;
    if (!parsed.success || !portal) return next();
    const { way } = parsed.data;
    switch (way) {
      case 'own':
        return res.redirect(303, `${settings.get().serverUrl}/install`);
      case 'bare':
        return res.redirect(303, marketplace.bareUrl());
      case 'hubspot': {
        const { id } = marketplace.begin(portal, originOf(req), {});
        return res.redirect(303, `/marketplace/consent/${id}`);
      }
      case 'sign-in': {
        const install = marketplace.begin(portal, originOf(req), { partnerSignIn: true });
        return res.redirect(303, marketplace.signInUrl(install));
      }
      default:
        way satisfies never;
    }
  });

  router.get('/marketplace/consent/:id', (req, res, next) => {
    const install = marketplace.find(req.params.id);
    if (!install) return next();
    askConsent(res, install);
  });

  router.post('/marketplace/consent/:id', posted, (req, res, next) => {
    const install = marketplace.find(String(req.params.id));
    const parsed = decisionFields.safeParse(req.body ?? {});
    if (!install || !parsed.success) return next();
    res.redirect(303, parsed.data.decision === 'approve' ? marketplace.approve(install) : '/marketplace');
  });

  router.get('/marketplace/return/:id', (req, res, next) => {
    const install = marketplace.find(req.params.id);
    if (!install) return next();
    const { state, portalId } = returnQuery.parse(req.query);
    const returns = (outcome: string) => showReturn(res, install, outcome);

    if (portalId !== String(install.portal.portalId)) return returns('changed');
    if (install.exchanged) return returns('installed');
    if (install.partnerSignIn && state !== undefined && state !== install.state) {
      install.state = state;
      return install.approvesItself
        ? res.redirect(302, marketplace.approve(install))
        : askConsent(res, install);
    }
    returns(install.consented ? 'loop' : 'stateless');
  });

  function askConsent(res: Response, { id, portal }: MarketplaceInstall) {
    const app = settings.get();
    const described = (scope: string) => ({ scope, text: scopeText(scope) });
    showPage(res, 'authorize', {
      title: `Connect ${app.name}`,
      app,
      action: `/marketplace/consent/${id}`,
      account: portal,
      required: app.requiredScopes.map(described),
      optional: app.optionalScopes.map(described),
      formTargets: appOrigins(),
    });
  }

  function showReturn(res: Response, install: MarketplaceInstall, outcome: string) {
    if (outcome !== 'installed') res.status(400);
    showPage(res, 'marketplace-return', {
      title: outcome === 'installed' ? 'The app is installed' : 'The app is not installed',
      app: settings.get(),
      account: install.portal,
      way: install.partnerSignIn ? 'sign-in' : 'hubspot',
      returnUrl: install.returnUrl,
      outcome: { [outcome]: true },
      formTargets: appOrigins(),
    });
  }

  /** The response to a form redirects to the app, and Chromium applies form-action to redirects too. */
  function appOrigins(): string[] {
    const { serverUrl, redirectUrls } = settings.get();
    return [serverUrl, ...redirectUrls].map((url) => new URL(url).origin);
  }

  return router;
}

/** The URL of this sandbox. The Host header can be trusted, because it listens on loopback only. */
export function originOf(req: Request): string {
  return `${req.protocol}://${req.get('host')}`;
}
