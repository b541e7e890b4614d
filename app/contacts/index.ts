export { contactRoutes } from './controller.ts';
