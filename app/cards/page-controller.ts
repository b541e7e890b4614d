import { Router } from 'express';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { InstallService } from '../installs/service.ts';
import { openTicket } from './page-ticket.ts';

interface PageParts {
  readonly installs: InstallService;
  readonly hubspotFor: HubSpotFor;
  readonly sessionSecret: string;
  /** HubSpot's consent page: its origin may show the page in a frame. */
  readonly authorizeUrl: string;
  readonly clock: Clock;
}

/** The page behind the card's IFRAME action: shown inside HubSpot, and nowhere else. */
export function pageRoutes({ installs, hubspotFor, sessionSecret, authorizeUrl, clock }: PageParts): Router {
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
    if (ticket.objectType !== 'CONTACT') throw pageRefused('This page shows contacts only.');

    const [contact, install] = await Promise.all([
      hubspotFor(ticket.portalId).contacts.get(ticket.objectId),
      installs.status(ticket.portalId),
    ]);
    const { properties } = contact;
    const fullName = [properties.firstname, properties.lastname].filter(Boolean).join(' ');
    const name = fullName || properties.email || `Contact ${contact.id}`;
    res.render('page', {
      title: name,
      name,
      contact,
      install,
      facts: [
        { label: 'Phone', value: properties.phone },
        { label: 'Company', value: properties.company },
        { label: 'Lifecycle stage', value: properties.lifecyclestage },
        { label: 'Record', value: contact.id },
      ],
    });
  });
}

const pageRefused = (message: string) =>
  new AppError(401, 'page_refused', message, { title: 'This page cannot be shown' });
