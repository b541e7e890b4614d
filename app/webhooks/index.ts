import { contactChanged } from './contact-changed.ts';
import type { WebhookHandler } from './handler.ts';

/** Your webhook handlers. */
export const webhookHandlers: readonly WebhookHandler[] = [contactChanged];
