import { Router } from 'express';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { openTicket } from './page-ticket.ts';
import type { CardService } from './service.ts';

interface Parts {
  readonly cards: CardService;
  readonly sessionSecret: string;
  readonly clock: Clock;
  /** HubSpot's own pages, which may frame ours. */
  readonly authorizeUrl: string;
}

/** The page behind a card's IFRAME action: shown inside HubSpot, and nowhere else. */
export function pageRoutes({ cards, sessionSecret, clock, authorizeUrl }: Parts): Router {
  const framedBy = `frame-ancestors https://*.hubspot.com ${new URL(authorizeUrl).origin}`;

  return Router().get('/hubid/:hubId/page', async (req, res) => {
    res.removeHeader('X-Frame-Options');
    res.set(
      'Content-Security-Policy',
      `default-src 'self'; base-uri 'none'; form-action 'self'; ${framedBy}`,
    );
    res.set('Referrer-Policy', 'no-referrer');
    res.locals.framed = true;

    const ticket = openTicket(String(req.query.ticket ?? ''), sessionSecret, clock.now());
    if (ticket === 'expired')
      throw pageRefused(
        'This window was opened too long ago. Reload the record in HubSpot, then open it again.',
      );
    if (ticket === 'forged' || String(ticket.portalId) !== req.params.hubId) {
      throw pageRefused('This page opens from its card in HubSpot only.');
    }
    const page = await cards.page(ticket);
    if (!page) throw pageRefused(`This app has no page for ${ticket.objectType} records.`);
    res.render(page.view, { ...page.data, title: page.title });
  });
}

const pageRefused = (message: string) =>
  new AppError(401, 'page_refused', message, { title: 'This page cannot be shown' });
