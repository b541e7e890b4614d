export {
  type AnyCard,
  type Card,
  type CardActionContext,
  type CardActionHandler,
  type CardActionRequest,
  type CardAnswer,
  type CardContext,
  type CardPage,
  type CardRequest,
  cardAnswer,
  defineCard,
  type PortalContext,
} from './card.ts';
export { cardProblems } from './card-check.ts';
export { crmExtensionRoutes } from './controller.ts';
export { pageRoutes } from './page-controller.ts';
export { type CardService, createCardService } from './service.ts';
