import type { RequestListener } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import type { Context } from './context.ts';
import { contactRoutes } from './controllers/contacts.ts';
import { crmExtensionRoutes } from './controllers/crm-extension.ts';
import { healthRoutes } from './controllers/health.ts';
import { homeRoutes } from './controllers/home.ts';
import { installRoutes } from './controllers/installs.ts';
import { marketingEventRoutes } from './controllers/marketing-events.ts';
import { oauthRoutes } from './controllers/oauth.ts';
import { pageRoutes } from './controllers/page.ts';
import { timelineRoutes } from './controllers/timeline.ts';
import { webhookDoor, webhookFailure } from './controllers/webhook.ts';
import { limitPerAddress } from './middleware/address-limit.ts';
import { requireApiKey } from './middleware/api-key.ts';
import { errorHandler, unknownRoute } from './middleware/errors.ts';
import { requestLog } from './middleware/request-log.ts';
import { noStore, securityHeaders } from './security-headers.ts';
import { registerViews } from './views/engine.ts';

/** The whole web application: the door for webhooks, middleware in order, then every mount. Never listens. */
export function createApp(ctx: Context): RequestListener {
  const { services, signedRequest, config } = ctx;
  const log = requestLog(ctx.logger);
  const apiKey = requireApiKey(services.apiKeys);
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // This server speaks plain HTTP: where its address is https, one proxy is in front, which adds the caller's address.
  app.set('trust proxy', config.serverUrl.startsWith('https:') ? 1 : false);
  registerViews(app);

  app.use(log);
  app.use(securityHeaders);
  app.use('/assets', express.static(`${import.meta.dirname}/public`, { maxAge: '1h' }));
  app.use('/assets/pico', express.static(picoFolder, { maxAge: '1h' }));

  app.use(noStore);
  app.post('/webhook', webhookFailure);
  app.use(healthRoutes(services.health));
  app.use(homeRoutes(config));
  app.use(
    oauthRoutes({
      ...services,
      sessionSecret: config.sessionSecret,
      limit: installLimits(config.installRateLimit),
    }),
  );
  app.use(crmExtensionRoutes(services.cards, signedRequest));
  app.use(pageRoutes(ctx));
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
