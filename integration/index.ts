import { defineIntegration } from '#app';
import { appActivity } from './app-events/app-activity.ts';
import { contactOverview } from './cards/contact-overview.ts';
import { contactChanged } from './handlers/contact-changed.ts';
import { welcomeCustomer } from './jobs/welcome-customer.ts';

/** What your app does: each file of this folder has one line here. */
export default defineIntegration({
  name: 'HubSpot Public App',
  // hubspot-project/src/app/app-hsmeta.json has to declare each of these, too.
  scopes: ['oauth', 'crm.objects.contacts.read', 'crm.objects.contacts.write', 'timeline'],
  optionalScopes: [
    'crm.objects.companies.read',
    'crm.objects.companies.write',
    'crm.objects.deals.read',
    'crm.objects.deals.write',
    'crm.schemas.deals.write',
    'tickets',
    'sales-email-read',
    'crm.objects.owners.read',
    'crm.lists.read',
    'crm.lists.write',
  ],
  handlers: [contactChanged],
  cards: [contactOverview],
  appEvents: [appActivity],
  jobs: [welcomeCustomer],
  schedule: [],
});
