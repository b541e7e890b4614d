import { defineIntegration } from '#app';
import { contactOverview } from './cards/contact-overview.ts';
import { contactChanged } from './handlers/contact-changed.ts';

/** What your app does: each file of this folder has one line here. */
export default defineIntegration({
  handlers: [contactChanged],
  cards: [contactOverview],
});
