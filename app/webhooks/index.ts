import { contactChanged } from './contact-changed.ts';
import type { AnyWebhookHandler } from './handler.ts';

/** Your webhook handlers. */
export const webhookHandlers: readonly AnyWebhookHandler[] = [contactChanged];
