export { healthRoutes } from './controller.ts';
export { createHealth, type HealthService } from './service.ts';
