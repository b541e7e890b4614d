import express, { type Request, type Response, Router } from 'express';
import { ApiError } from '../api/api-error.ts';
import { createRecord, restoreRecord } from '../api/record-writes.ts';
import type { SandboxContext } from '../context.ts';
import { findObjectType, objectTypeNamed } from '../state/object-types.ts';
import type { Portal } from '../state/portals.ts';
import {
  contactFields,
  contactName,
  editableProperties,
  stageLabel,
  stageOptions,
} from './contact-fields.ts';
import { postedProperties, problemText, uiSource } from './contact-form.ts';
import { renderView, showPage } from './page.ts';

const shownDeliveries = 15;

/** A portal's home: its contacts, whether the app is installed, and what was delivered to it. */
export function portalPage(ctx: SandboxContext): Router {
  const { records, tokens, deliveries, settings, portals } = ctx;
  const contacts = objectTypeNamed('contact');
  const router = Router();

  router.get('/portals/:portalId', (req, res, next) => {
    const portal = portalOf(req);
    if (!portal) return next();
    show(res, portal);
  });

  // HubSpot's URL of an account's contacts, to which apps redirect users.
  router.get('/contacts/:portalId', (req, res, next) => {
    const portal = portalOf(req);
    if (!portal) return next();
    res.redirect(302, `/portals/${portal.portalId}`);
  });

  router.get('/contacts/:portalId/record/:type/:objectId', (req, res, next) => {
    const portal = portalOf(req);
    const isContact = findObjectType(req.params.type)?.id === contacts.id;
    if (!portal || !isContact) return next();
    res.redirect(302, `/portals/${portal.portalId}/contacts/${encodeURIComponent(req.params.objectId)}`);
  });

  router.get('/portals/:portalId/deliveries', (req, res, next) => {
    const portal = portalOf(req);
    if (!portal) return next();
    const view = renderView('deliveries', { deliveries: lastDeliveries(portal.portalId) });
    res.set('Cache-Control', 'no-store').send(view);
  });

  router.post('/portals/:portalId/contacts', express.urlencoded({ extended: false }), (req, res, next) => {
    const portal = portalOf(req);
    if (!portal) return next();
    const values = postedProperties(req.body);
    try {
      const source = uiSource(portal);
      const record = createRecord({ crm: ctx, portalId: portal.portalId, type: contacts, source }, values);
      res.redirect(303, `/portals/${portal.portalId}/contacts/${record.id}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      res.status(error.status);
      show(res, portal, { values, problem: problemText(error) });
    }
  });

  router.post('/portals/:portalId/contacts/:objectId/restore', (req, res, next) => {
    const portal = portalOf(req);
    const record = portal && records.find(portal.portalId, contacts, req.params.objectId);
    if (!portal || record?.archivedAt === undefined) return next();
    try {
      restoreRecord(
        { crm: ctx, portalId: portal.portalId, type: contacts, source: uiSource(portal) },
        record,
      );
      res.redirect(303, `/portals/${portal.portalId}/contacts/${record.id}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      res.status(error.status);
      show(res, portal, { problem: problemText(error) });
    }
  });

  router.post('/portals/:portalId/uninstall', (req, res, next) => {
    const portal = portalOf(req);
    if (!portal) return next();
    tokens.uninstall(portal.portalId);
    res.redirect(303, `/portals/${portal.portalId}`);
  });

  function portalOf(req: Request): Portal | undefined {
    return portals.find(Number(req.params.portalId));
  }

  function lastDeliveries(portalId: number) {
    const last = deliveries.deliveries(portalId).slice(0, shownDeliveries);
    return last.map((record) => ({ ...record, taken: record.status >= 200 && record.status < 300 }));
  }

  function show(
    res: Response,
    portal: Portal,
    form: { values?: Record<string, string>; problem?: string } = {},
  ) {
    const { portalId } = portal;
    const { values = { lifecyclestage: 'lead' }, problem } = form;
    showPage(res, 'portal', {
      title: portal.name,
      portal,
      app: settings.get(),
      installUrl: `${settings.get().serverUrl}/install`,
      install: tokens.findInstall(portalId),
      contacts: records.list(portalId, contacts).map((record) => ({
        id: record.id,
        name: contactName(record),
        email: record.properties.email,
        stage: stageLabel(record.properties.lifecyclestage),
        updatedAt: record.updatedAt,
      })),
      deleted: records
        .list(portalId, contacts, { archived: true })
        .map((record) => ({ id: record.id, name: contactName(record) })),
      deliveries: lastDeliveries(portalId),
      fields: contactFields(values).filter(({ name }) => editableProperties.indexOf(name) < 4),
      stages: stageOptions(values.lifecyclestage),
      problem,
    });
  }

  return router;
}
