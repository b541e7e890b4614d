import express, { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { fetchCard, recordQuery, withQuery } from '../signed-fetch.ts';
import type { CrmRecord } from '../state/record.ts';
import { type OutgoingResult, sendSigned } from '../webhooks/signed-request.ts';
import { appError, cardModel, isOfApp, jsonOf } from './card-model.ts';
import type { CardAction } from './card-schema.ts';
import { actionSchema } from './card-schema.ts';
import { contactOf } from './contact.ts';
import { renderView } from './page.ts';

const base = '/portals/:portalId/contacts/:objectId';

/** The card's part of the record page, and its action hooks. The sandbox, not the browser, calls the app. */
export function cardParts(ctx: SandboxContext): Router {
  const router = Router();

  router.get(`${base}/card`, async (req, res, next) => {
    const found = contactOf(ctx, req);
    if (!found) return next();
    const answer = await fetchCard(ctx, found.record);
    const view = renderView('card', cardModel(ctx, found.record, answer));
    res.set('Cache-Control', 'no-store').send(view);
  });

  router.post(`${base}/card-action`, express.json(), async (req, res, next) => {
    const found = contactOf(ctx, req);
    const action = actionSchema.safeParse(req.body);
    if (!found) return next();
    if (!action.success || action.data.type === 'IFRAME' || !isOfApp(ctx, action.data.uri)) {
      return res.status(400).json({ message: 'This is no action of the app.' });
    }
    const answer = await sendHook(ctx, found.record, action.data);
    res.json({ ok: answer.status >= 200 && answer.status < 300, message: hookMessage(answer) });
  });

  return router;
}

type Hook = Exclude<CardAction, { type: 'IFRAME' }>;

/** The values are in the query and, for methods with a body, also in a JSON body, as app cards send them. */
function sendHook(ctx: SandboxContext, record: CrmRecord, hook: Hook): Promise<OutgoingResult> {
  const query = recordQuery(ctx, record, hook.associatedObjectProperties);
  const hasBody = !['GET', 'DELETE'].includes(hook.httpMethod);
  return sendSigned({
    method: hook.httpMethod,
    url: withQuery(hook.uri, query),
    ...(hasBody && { body: JSON.stringify(Object.fromEntries(query)) }),
    clientSecret: ctx.settings.get().clientSecret,
    versions: ['v2', 'v3'],
  });
}

function hookMessage({ status, body, problem }: OutgoingResult): string {
  if (status === 0) return `The app did not answer: ${problem}`;
  const said = jsonOf(body);
  if (status >= 300) {
    const own = appError.safeParse(said);
    return own.success ? own.data.error.message : `The app answered with status ${status}.`;
  }
  return actionAnswer.safeParse(said).data?.message ?? 'Done.';
}

const actionAnswer = z.object({ message: z.string() });
