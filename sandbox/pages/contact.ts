import express, { type Request, type Response, Router } from 'express';
import { ApiError } from '../api/api-error.ts';
import { updateRecord } from '../api/record-writes.ts';
import type { SandboxContext } from '../context.ts';
import { objectTypeNamed } from '../state/object-types.ts';
import type { Portal } from '../state/portals.ts';
import type { CrmRecord } from '../state/record.ts';
import { contactFields, contactName, nextStage, stageLabel, stageOptions } from './contact-fields.ts';
import { postedProperties, problemText, uiSource } from './contact-form.ts';
import { renderView, showPage } from './page.ts';

const contacts = objectTypeNamed('contact');
const base = '/portals/:portalId/contacts/:objectId';

/** A contact's record page: properties, activity and the app's card. */
export function contactPage(ctx: SandboxContext): Router {
  const { records, settings } = ctx;
  const router = Router();
  const posted = express.urlencoded({ extended: false });

  router.get(base, (req, res, next) => {
    const found = contactOf(ctx, req);
    if (!found) return next();
    show(res, found);
  });

  router.post(base, posted, (req, res, next) => {
    const found = contactOf(ctx, req);
    if (!found) return next();
    change(res, found, postedProperties(req.body));
  });

  router.post(`${base}/next-stage`, (req, res, next) => {
    const found = contactOf(ctx, req);
    if (!found) return next();
    change(res, found, { lifecyclestage: nextStage(found.record.properties.lifecyclestage) });
  });

  router.post(`${base}/delete`, posted, (req, res, next) => {
    const found = contactOf(ctx, req);
    if (!found) return next();
    const source = uiSource(found.portal);
    if (req.body?.privacy === 'true') records.erase(found.record, source);
    else records.archive(found.record, source);
    res.redirect(303, `/portals/${found.portal.portalId}`);
  });

  router.get(`${base}/timeline`, (req, res, next) => {
    const found = contactOf(ctx, req);
    if (!found) return next();
    res.set('Cache-Control', 'no-store').send(renderView('timeline', { events: eventsOf(found.record) }));
  });

  function change(res: Response, { portal, record }: FoundContact, values: Record<string, string>) {
    const { portalId } = portal;
    try {
      updateRecord({ crm: ctx, portalId, type: contacts, source: uiSource(portal) }, record, values);
      res.redirect(303, contactPath(record));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      res.status(error.status);
      show(res, { portal, record }, { posted: values, problem: problemText(error) });
    }
  }

  function eventsOf({ portalId, id, mergedIds }: CrmRecord) {
    return ctx.timeline.list(portalId, [id, ...mergedIds]);
  }

  function show(
    res: Response,
    { portal, record }: FoundContact,
    { posted, problem }: { posted?: Record<string, string>; problem?: string } = {},
  ) {
    const values = { ...record.properties, ...posted };
    const { serverUrl, cardUrl } = settings.get();
    showPage(res, 'contact', {
      title: contactName(record),
      pageClass: 'wide',
      portal,
      path: contactPath(record),
      contact: { id: record.id, ...record.properties, stage: stageLabel(record.properties.lifecyclestage) },
      fields: contactFields(values),
      stages: stageOptions(values.lifecyclestage),
      problem,
      installed: ctx.tokens.findInstall(portal.portalId) !== undefined,
      installUrl: `${serverUrl}/install`,
      events: eventsOf(record),
      frames: [new URL(serverUrl).origin, new URL(cardUrl).origin],
    });
  }

  return router;
}

export interface FoundContact {
  portal: Portal;
  record: CrmRecord;
}

/** The active contact in a page's path. */
export function contactOf({ records, portals }: SandboxContext, req: Request): FoundContact | undefined {
  const portal = portals.find(Number(req.params.portalId));
  const record = portal && records.find(portal.portalId, contacts, String(req.params.objectId));
  return portal && record && record.archivedAt === undefined ? { portal, record } : undefined;
}

function contactPath({ portalId, id }: CrmRecord): string {
  return `/portals/${portalId}/contacts/${id}`;
}
