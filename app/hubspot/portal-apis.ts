import { createAccountApi } from './account.ts';
import { createObjectsApi } from './any-objects.ts';
import { apiPaths } from './api-paths.ts';
import { createAppInstallsApi } from './app-installs.ts';
import { createAssociationsApi } from './associations.ts';
import { createCompaniesApi } from './companies.ts';
import { createContactsApi } from './contacts.ts';
import { createDealsApi } from './deals.ts';
import {
  createCallsApi,
  createEmailsApi,
  createMeetingsApi,
  createNotesApi,
  createTasksApi,
} from './engagements.ts';
import type { Send } from './http.ts';
import { createListsApi } from './lists.ts';
import { createOwnersApi } from './owners.ts';
import { createPipelinesApi } from './pipelines.ts';
import { createSchemasApi } from './schemas.ts';
import { createTicketsApi } from './tickets.ts';
import { createTimelineApi } from './timeline.ts';

export type PortalApis = ReturnType<typeof portalApis>;

/** HubSpot's APIs over one way of sending, whatever that does. A further API is one more line. */
export function portalApis(send: Send, paths = apiPaths) {
  return {
    contacts: createContactsApi(send, paths),
    companies: createCompaniesApi(send, paths),
    deals: createDealsApi(send, paths),
    tickets: createTicketsApi(send, paths),
    calls: createCallsApi(send, paths),
    emails: createEmailsApi(send, paths),
    meetings: createMeetingsApi(send, paths),
    notes: createNotesApi(send, paths),
    tasks: createTasksApi(send, paths),
    objects: createObjectsApi(send, paths),
    schemas: createSchemasApi(send, paths),
    associations: createAssociationsApi(send, paths),
    pipelines: createPipelinesApi(send, paths),
    lists: createListsApi(send, paths),
    owners: createOwnersApi(send, paths),
    account: createAccountApi(send, paths),
    timeline: createTimelineApi(send, paths),
    appInstalls: createAppInstallsApi(send, paths),
  };
}
