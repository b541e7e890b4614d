import express, { type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { authorizeFields, authorizeProblem, grantedScopes, scopeList } from './authorize-request.ts';
import { showPage } from './page.ts';
import { scopeText } from './scope-text.ts';

/** With an account in the path the user cannot choose one. */
const paths = ['/oauth/authorize', '/oauth/:portalId/authorize'];

const decisionFields = authorizeFields.extend({
  portal_id: z.coerce.number().int(),
  decision: z.enum(['approve', 'deny']),
});

/** The consent page, and the form behind it that sends the browser back to the app. */
export function authorizePage({ settings, tokens, portals }: SandboxContext): Router {
  const router = Router();

  router.get(paths, (req, res) => {
    const app = settings.get();
    const parsed = authorizeFields.safeParse(req.query);
    if (!parsed.success) return refuse(res, 'A parameter stands twice in the link.');
    const problem = authorizeProblem(app, parsed.data);
    if (problem) return refuse(res, problem);

    const { portalId } = req.params;
    const pinned = portalId === undefined ? undefined : portals.find(Number(portalId));
    if (portalId !== undefined && !pinned) return refuse(res, `There is no account ${portalId}.`);
    const required = scopeList(parsed.data.scope);
    const optional = scopeList(parsed.data.optional_scope).filter((scope) => !required.includes(scope));
    showPage(res, 'authorize', {
      title: `Connect ${app.name}`,
      app,
      fields: Object.entries(parsed.data).flatMap(([name, value]) =>
        value === undefined ? [] : [{ name, value }],
      ),
      action: pinned ? `/oauth/${pinned.portalId}/authorize` : '/oauth/authorize',
      account: pinned,
      portals: portals.seeded.map((portal, index) => ({ ...portal, checked: index === 0 })),
      required: required.map((scope) => ({ scope, text: scopeText(scope) })),
      optional: optional.map((scope) => ({ scope, text: scopeText(scope) })),
      // The response to the form redirects to the app, and Chromium applies form-action to redirects too.
      formTargets: app.redirectUrls.map((url) => new URL(url).origin),
    });
  });

  router.post(paths, express.urlencoded({ extended: false }), (req, res) => {
    const pinned = req.params.portalId === undefined ? {} : { portal_id: req.params.portalId };
    const parsed = decisionFields.safeParse({ ...req.body, ...pinned });
    if (!parsed.success) return refuse(res, z.prettifyError(parsed.error));
    const { portal_id, decision, ...fields } = parsed.data;
    const problem = authorizeProblem(settings.get(), fields);
    if (problem) return refuse(res, problem);
    const portal = portals.find(portal_id);
    if (!portal) return refuse(res, `There is no account ${portal_id}.`);

    const target = new URL(fields.redirect_uri);
    if (decision === 'approve') {
      const grant = { portalId: portal.portalId, userId: portal.user.id, scopes: grantedScopes(fields) };
      target.searchParams.set('code', tokens.issueCode(grant, fields.redirect_uri));
    } else {
      target.searchParams.set('error', 'access_denied');
      target.searchParams.set('error_description', 'The user did not approve the connection.');
    }
    if (fields.state !== undefined) target.searchParams.set('state', fields.state);
    res.redirect(302, target.href);
  });

  return router;
}

function refuse(res: Response, problem: string): void {
  res.status(400);
  showPage(res, 'problem', { title: 'This link does not work', problem });
}
