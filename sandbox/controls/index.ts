import express, { type ErrorRequestHandler, Router } from 'express';
import { z } from 'zod';
import { restoreRecord } from '../api/record-writes.ts';
import type { SandboxContext } from '../context.ts';
import { uiSource } from '../pages/contact-form.ts';
import { failureSchema } from '../state/failures.ts';
import { objectTypeNamed } from '../state/object-types.ts';
import { pathPattern } from '../state/path-pattern.ts';
import { appControls } from './app-controls.ts';
import { ControlError, parseControl } from './control-error.ts';
import { deliveryControls } from './delivery-controls.ts';
import { installControls } from './install-controls.ts';

const clockBody = z.strictObject({ advanceSeconds: z.number() });
const restoreBody = z.strictObject({
  portalId: z.number().int(),
  objectType: z.string().default('contact'),
  objectId: z.union([z.string(), z.number().int()]).transform(String),
});
const changedBody = z.strictObject({
  portalId: z.number().int(),
  objectType: z.string(),
  /** Default: all records of the type. */
  objectIds: z.array(z.union([z.string(), z.number().int()]).transform(String)).optional(),
  at: z.iso.datetime().transform(Date.parse),
});
const portalBody = z.strictObject({ portalId: z.number().int() });
const portalQuery = z.object({ portalId: z.coerce.number().int().optional() });
const timelineQuery = z.object({ portalId: z.coerce.number().int(), email: z.string().min(1) });

/** The control routes below `/_sandbox`: how a test, or a person with curl, controls this HubSpot. */
export function controls(ctx: SandboxContext): Router {
  const router = Router();
  router.use(express.json({ limit: '20mb' }));

  router.post('/reset', (_req, res) => {
    ctx.reset();
    res.json({ ok: true });
  });

  router.post('/clock', (req, res) => {
    ctx.clock.advance(parseControl(clockBody, req.body).advanceSeconds);
    res.json({ now: new Date(ctx.clock.now()).toISOString() });
  });

  router.get('/clock', (_req, res) => {
    res.json({ now: new Date(ctx.clock.now()).toISOString() });
  });

  router.post('/failures', (req, res) => {
    ctx.failures.add(parseControl(failureSchema, req.body));
    res.status(201).json({ results: ctx.failures.list() });
  });

  router.get('/failures', (_req, res) => {
    res.json({ results: ctx.failures.list() });
  });

  router.post('/uninstall', (req, res) => {
    const { portalId } = parseControl(portalBody, req.body);
    res.json({ portalId, wasInstalled: ctx.tokens.uninstall(portalId) });
  });

  router.post('/restore', (req, res) => {
    const { portalId, objectType, objectId } = parseControl(restoreBody, req.body);
    const portal = ctx.portals.find(portalId);
    const type = ctx.schemas.find(portalId, objectType);
    const record = type && ctx.records.find(portalId, type, objectId);
    if (!portal || !type || record?.archivedAt === undefined) {
      throw new ControlError(404, `Portal ${portalId} has no deleted ${objectType} with the id ${objectId}.`);
    }
    restoreRecord({ crm: ctx, portalId, type, source: uiSource(portal) }, record);
    res.json({ portalId, objectType: type.singular, objectId });
  });

  router.post('/changed', (req, res) => {
    const { portalId, objectType, objectIds, at } = parseControl(changedBody, req.body);
    const type = ctx.schemas.find(portalId, objectType);
    if (!type) throw new ControlError(404, `Portal ${portalId} has no object type ${objectType}.`);
    const all = [false, true].flatMap((archived) => ctx.records.list(portalId, type, { archived }));
    const changed = all.filter(({ id }) => objectIds?.includes(id) ?? true);
    for (const record of changed) ctx.records.backdate(record, at);
    res.json({ portalId, objectType: type.singular, changed: changed.length });
  });

  router.get('/requests', (req, res) => {
    const { path } = parseControl(z.object({ path: z.string().optional() }), req.query);
    res.json({ results: ctx.requestLog.list(path === undefined ? undefined : pathPattern(path)) });
  });

  router.get('/timeline', (req, res) => {
    const { portalId, email } = parseControl(timelineQuery, req.query);
    const contact = ctx.records.find(portalId, objectTypeNamed('contact'), email, 'email');
    const events = contact ? ctx.timeline.list(portalId, [contact.id, ...contact.mergedIds]) : [];
    const results = events.map(({ id, eventTypeName, properties, extraData, timestamp, header, detail }) => {
      return { id, eventTypeName, properties, extraData: extraData ?? {}, timestamp, header, detail };
    });
    res.json({ results });
  });

  router.get('/tokens', (req, res) => {
    const { portalId } = parseControl(portalQuery, req.query);
    const asked = portalId === undefined ? ctx.portals.ids() : [portalId];
    res.json({ results: asked.map((id) => ctx.tokens.counts(id)) });
  });

  router.use(appControls(ctx));
  router.use(deliveryControls(ctx));
  router.use(installControls(ctx));

  router.use((req) => {
    throw new ControlError(
      404,
      `There is no control ${req.method} ${req.originalUrl}. GET /controls lists them.`,
    );
  });
  router.use(errorHandler);

  return router;
}

const errorHandler: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error);
  const status = typeof error?.status === 'number' ? error.status : 500;
  if (status === 500) console.error(error);
  const message =
    status === 500 ? 'The sandbox has a fault. Its terminal says which.' : String(error.message);
  res.status(status).json({ error: { message } });
};
