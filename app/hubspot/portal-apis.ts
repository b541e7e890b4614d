import { createAccountApi } from './apis/account.ts';
import { createObjectsApi } from './apis/any-objects.ts';
import { createAppInstallsApi } from './apis/app-installs.ts';
import { createAssociationsApi } from './apis/associations.ts';
import { createCompaniesApi } from './apis/companies.ts';
import { createContactsApi } from './apis/contacts.ts';
import { createDealsApi } from './apis/deals.ts';
import {
  createCallsApi,
  createEmailsApi,
  createMeetingsApi,
  createNotesApi,
  createTasksApi,
} from './apis/engagements.ts';
import { createListsApi } from './apis/lists.ts';
import { createOwnersApi } from './apis/owners.ts';
import { createPipelinesApi } from './apis/pipelines.ts';
import { createSchemasApi } from './apis/schemas.ts';
import { createTicketsApi } from './apis/tickets.ts';
import { createTimelineApi } from './apis/timeline.ts';
import type { Send } from './client/http.ts';
import { apiPaths } from './versions.ts';

export type PortalApis = ReturnType<typeof portalApis>;

/** HubSpot's APIs on top of a function that sends requests. Another API is one more line. */
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
