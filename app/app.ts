import type { RequestListener } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { requireApiKey } from './api-keys/middleware.ts';
import { crmExtensionRoutes } from './cards/controller.ts';
import { pageRoutes } from './cards/page-controller.ts';
import { contactRoutes } from './contacts/controller.ts';
import type { Context } from './context.ts';
import { healthRoutes } from './health/controller.ts';
import { limitPerAddress } from './http/address-limit.ts';
import { errorHandler, unknownRoute } from './http/errors.ts';
import { requestLog } from './http/request-log.ts';
import { noStore, securityHeaders } from './http/security-headers.ts';
import { registerViews } from './http/views/engine.ts';
import { homeRoutes } from './installs/home-controller.ts';
import { installRoutes } from './installs/installs-controller.ts';
import { oauthRoutes } from './installs/oauth-controller.ts';
import { marketingEventRoutes } from './marketing-events/controller.ts';
import { timelineRoutes } from './timeline/controller.ts';
import { webhookDoor, webhookFailure } from './webhooks/controller.ts';

/** The whole web application: the webhook receiver, middleware in order, then every mount. Does not listen. */
export function createApp(ctx: Context): RequestListener {
  const { services, signedRequest, config } = ctx;
  const log = requestLog(ctx.logger);
  const apiKey = requireApiKey(services.apiKeys);
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // This server speaks plain HTTP. When its URL is https, one proxy in front of it adds the caller's address.
  app.set('trust proxy', config.serverUrl.startsWith('https:') ? 1 : false);
  registerViews(app, [`${import.meta.dirname}/installs/views`, `${import.meta.dirname}/cards/views`]);

  app.use(log);
  app.use(securityHeaders);
  app.use('/assets', express.static(`${import.meta.dirname}/http/public`, { maxAge: '1h' }));
  app.use('/assets/pico', express.static(picoFolder, { maxAge: '1h' }));

  app.use(noStore);
  app.post('/webhook', webhookFailure);
  app.use(healthRoutes(services.health));
  app.use(homeRoutes(config.hubspot));
  app.use(
    oauthRoutes({
      ...services,
      sessionSecret: config.sessionSecret,
      limit: installLimits(config.installRateLimit),
    }),
  );
  app.use(crmExtensionRoutes(services.cards, signedRequest));
  app.use(
    pageRoutes({
      installs: services.installs,
      hubspotFor: ctx.hubspotFor,
      sessionSecret: config.sessionSecret,
      authorizeUrl: config.hubspot.authorizeUrl,
      clock: ctx.clock,
    }),
  );
  app.use(marketingEventRoutes(services.marketingEvents, config.hubspot.appId, signedRequest, apiKey));
  app.use(installRoutes(services.installs, apiKey));
  app.use(contactRoutes(ctx.hubspotFor, apiKey));
  app.use(timelineRoutes(services.timeline, apiKey));

  app.use(unknownRoute);
  app.use(errorHandler);
  return webhookDoor(services.webhookReceiver, signedRequest, app);
}

const installLimits = (perMinute: number) =>
  perMinute === 0 ? [] : [limitPerAddress(perMinute, 'INSTALL_RATE_LIMIT')];

const picoFolder = path.dirname(fileURLToPath(import.meta.resolve('@picocss/pico/css/pico.min.css')));
