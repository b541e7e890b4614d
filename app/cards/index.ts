import type { Card } from './card.ts';
import { contactOverview } from './contact-overview.ts';

/** Your cards. The first one also answers at `/crm-extension` itself. */
export const cards: readonly Card[] = [contactOverview];
