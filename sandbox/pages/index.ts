import { type RequestHandler, Router } from 'express';
import type { SandboxContext } from '../context.ts';
import { assets } from './assets.ts';
import { authorizePage } from './authorize.ts';
import { cardParts } from './card.ts';
import { contactPage } from './contact.ts';
import { homePage } from './home.ts';
import { marketplacePages } from './marketplace.ts';
import { showPage } from './page.ts';
import { portalPage } from './portal.ts';

/** The pages for acting as a HubSpot user. */
export function pages(ctx: SandboxContext): Router {
  const router = Router();
  router.use(assets());
  router.use(homePage(ctx));
  router.use(authorizePage(ctx));
  router.use(marketplacePages(ctx));
  router.use(portalPage(ctx));
  router.use(contactPage(ctx));
  router.use(cardParts(ctx));
  router.use(['/portals', '/contacts', '/marketplace', '/assets'], unknownPage);
  return router;
}

export const unknownPage: RequestHandler = (_req, res) => {
  res.status(404);
  showPage(res, 'problem', {
    title: 'Not found',
    problem: 'There is no such page. A contact may have been deleted, or the sandbox reset.',
  });
};
