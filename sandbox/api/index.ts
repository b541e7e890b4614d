import express, { Router } from 'express';
import type { SandboxContext } from '../context.ts';
import { isNavigation } from '../pages/page.ts';
import { accountInfoApi } from './account-info.ts';
import { ApiError, apiErrorHandler } from './api-error.ts';
import { appEventsApi, appEventTypesApi } from './app-events.ts';
import { appUninstallApi } from './app-uninstall.ts';
import { associationBatchApi } from './association-batch.ts';
import { associationLabelsApi } from './association-labels.ts';
import { associationLimitsApi } from './association-limits.ts';
import { associationsApi } from './associations.ts';
import { bearer } from './bearer.ts';
import { crmObjectsApi } from './crm-objects.ts';
import { listsApi } from './lists.ts';
import { oauthApi } from './oauth.ts';
import { ownersApi } from './owners.ts';
import { pipelinesApi } from './pipelines.ts';
import { privateAppsApi } from './private-apps.ts';
import { propertiesApi } from './properties.ts';
import { schemasApi } from './schemas.ts';
import { correlationId, limitAddress, logRequests, planFailures } from './traffic.ts';
import { webhooksApi } from './webhooks.ts';

/** HubSpot's API host: everything except pages and controls. Another API is one more line. */
export function hubspotApi(ctx: SandboxContext): Router {
  const router = Router();

  router.use(limitAddress);
  router.use(correlationId);
  router.use(express.json({ limit: '5mb' }), express.urlencoded({ extended: false, limit: '1mb' }));
  router.use(logRequests(ctx));
  router.use(planFailures(ctx));

  router.use(oauthApi(ctx));
  router.use(privateAppsApi(ctx));
  router.use(appEventTypesApi(ctx));
  router.use(webhooksApi(ctx));

  router.use(['/crm', '/crm-object-schemas', '/integrators', '/appinstalls', '/account-info'], bearer(ctx));
  router.use(crmObjectsApi(ctx));
  router.use(associationsApi(ctx));
  router.use(associationBatchApi(ctx));
  router.use(associationLabelsApi(ctx));
  router.use(associationLimitsApi(ctx));
  router.use(pipelinesApi(ctx));
  router.use(propertiesApi(ctx));
  router.use(listsApi(ctx));
  router.use(schemasApi(ctx));
  router.use(ownersApi(ctx));
  router.use(appEventsApi(ctx));
  router.use(appUninstallApi(ctx));
  router.use(accountInfoApi(ctx));

  router.use((req, _res, next) => {
    // Browsers get a page.
    if (isNavigation(req)) return next('router');
    throw new ApiError(404, 'NOT_FOUND', `The sandbox has no API at ${req.method} ${req.path}.`);
  });
  router.use(apiErrorHandler);

  return router;
}
