export { marketingEventRoutes } from './controller.ts';
export { createMarketingEvents, type MarketingEventService } from './service.ts';
