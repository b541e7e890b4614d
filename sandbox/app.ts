import express, { type Express } from 'express';
import { hubspotApi } from './api/index.ts';
import type { SandboxContext } from './context.ts';
import { controls } from './controls/index.ts';
import { pages, unknownPage } from './pages/index.ts';

/** All of the sandbox's routes: its controls, a person's pages, and HubSpot's APIs for the rest. */
export function createSandboxApp(ctx: SandboxContext): Express {
  const app = express();
  app.disable('x-powered-by');
  // HubSpot's API sends none, and to make them takes a good part of the time of a short answer.
  app.disable('etag');
  app.use('/_sandbox', controls(ctx));
  app.use(pages(ctx));
  app.use(hubspotApi(ctx));
  app.use(unknownPage);
  return app;
}
