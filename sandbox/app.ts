import express, { type Express } from 'express';
import { hubspotApi } from './api/index.ts';
import type { SandboxContext } from './context.ts';
import { controls } from './controls/index.ts';
import { pages, unknownPage } from './pages/index.ts';

/** All routes of the sandbox: the controls, the pages, and HubSpot's APIs for the rest. */
export function createSandboxApp(ctx: SandboxContext): Express {
  const app = express();
  app.disable('x-powered-by');
  // HubSpot's API sends no ETags, and computing them takes much of the time of a short response.
  app.disable('etag');
  app.use('/_sandbox', controls(ctx));
  app.use(pages(ctx));
  app.use(hubspotApi(ctx));
  app.use(unknownPage);
  return app;
}
