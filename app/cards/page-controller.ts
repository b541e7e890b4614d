import { Router } from 'express';
import { AppError } from '../base/errors.ts';
import type { Context } from '../context.ts';
import { openTicket } from './page-ticket.ts';

/** The page behind the card's IFRAME action: shown inside HubSpot, and nowhere else. */
export function pageRoutes({
  config,
  clock,
  hubspotFor,
  services,
}: Pick<Context, 'config' | 'clock' | 'hubspotFor' | 'services'>): Router {
  const framedBy = `frame-ancestors https://*.hubspot.com ${new URL(config.hubspot.authorizeUrl).origin}`;

  return Router().get('/hubid/:hubId/page', async (req, res) => {
    res.removeHeader('X-Frame-Options');
    res.set(
      'Content-Security-Policy',
      `default-src 'self'; base-uri 'none'; form-action 'self'; ${framedBy}`,
    );
    res.set('Referrer-Policy', 'no-referrer');
    res.locals.framed = true;

    const ticket = openTicket(String(req.query.ticket ?? ''), config.sessionSecret, clock.now());
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
      services.installs.status(ticket.portalId),
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
