import type { RequestListener } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { requireApiKey } from './api-keys/index.ts';
import { crmExtensionRoutes, pageRoutes } from './cards/index.ts';
import { contactRoutes } from './contacts/index.ts';
import type { Context } from './context.ts';
import { healthRoutes } from './health/index.ts';
import { limitPerAddress } from './http/address-limit.ts';
import { errorHandler, unknownRoute } from './http/errors.ts';
import { requestLog } from './http/request-log.ts';
import { noStore, securityHeaders } from './http/security-headers.ts';
import { registerViews } from './http/views/engine.ts';
import { homeRoutes, installRoutes, oauthRoutes } from './installs/index.ts';
import { marketingEventRoutes } from './marketing-events/index.ts';
import { timelineRoutes } from './timeline/index.ts';
import { webhookFailure, webhookListener } from './webhooks/index.ts';

/** The web application: webhook deliveries first, then middleware in order and the routes of every feature. */
export function createApp(ctx: Context): RequestListener {
  const { services, signedRequest, config } = ctx;
  const log = requestLog(ctx.logger);
  const apiKey = requireApiKey(services.apiKeys);
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // This server speaks plain HTTP. When its URL is https, one proxy in front of it adds the caller's address.
  app.set('trust proxy', config.serverUrl.startsWith('https:') ? 1 : false);
  // A view of the vendor replaces a built-in one with the same name.
  registerViews(app, [ctx.views, `${import.meta.dirname}/installs/views`]);

  app.use(log);
  app.use(securityHeaders);
  app.use('/assets', express.static(`${import.meta.dirname}/http/public`, { maxAge: '1h' }));
  app.use('/assets/pico', express.static(picoFolder, { maxAge: '1h' }));

  app.use(noStore);
  app.post('/webhook', webhookFailure);
  app.use(healthRoutes(services.health));
  app.use(homeRoutes(ctx.name, config.hubspot));
  app.use(
    oauthRoutes({
      flows: services.oauthFlows,
      portalUrl: services.installs.portalUrl,
      partnerSignIn: services.partnerSignIn,
      sessionSecret: config.sessionSecret,
      limit: installLimits(config.installRateLimit),
    }),
  );
  app.use(crmExtensionRoutes(services.cards, signedRequest));
  app.use(
    pageRoutes({ ...services, ...config.hubspot, sessionSecret: config.sessionSecret, clock: ctx.clock }),
  );
  app.use(marketingEventRoutes(services.marketingEvents, config.hubspot.appId, signedRequest, apiKey));
  app.use(installRoutes(services.installs, apiKey));
  app.use(contactRoutes(ctx.hubspotFor, apiKey));
  app.use(timelineRoutes(services.timeline, apiKey));

  app.use(unknownRoute);
  app.use(errorHandler);
  return webhookListener(services.webhooks.receiver, signedRequest, app);
}

const installLimits = (perMinute: number) =>
  perMinute === 0 ? [] : [limitPerAddress(perMinute, 'INSTALL_RATE_LIMIT')];

const picoFolder = path.dirname(fileURLToPath(import.meta.resolve('@picocss/pico/css/pico.min.css')));
