import { createAccessTokensApi } from '../../app/hubspot/apis/access-tokens.ts';
import { createAccountApi } from '../../app/hubspot/apis/account.ts';
import { createObjectsApi } from '../../app/hubspot/apis/any-objects.ts';
import { createAppInstallsApi } from '../../app/hubspot/apis/app-installs.ts';
import { createAssociationsApi } from '../../app/hubspot/apis/associations.ts';
import { createCompaniesApi } from '../../app/hubspot/apis/companies.ts';
import { createContactsApi } from '../../app/hubspot/apis/contacts.ts';
import { createDealsApi } from '../../app/hubspot/apis/deals.ts';
import {
  createCallsApi,
  createEmailsApi,
  createMeetingsApi,
  createNotesApi,
  createTasksApi,
} from '../../app/hubspot/apis/engagements.ts';
import { createListsApi } from '../../app/hubspot/apis/lists.ts';
import { createOAuthApi } from '../../app/hubspot/apis/oauth.ts';
import { createOwnersApi } from '../../app/hubspot/apis/owners.ts';
import { createPipelinesApi } from '../../app/hubspot/apis/pipelines.ts';
import { createSchemasApi } from '../../app/hubspot/apis/schemas.ts';
import { createTicketsApi } from '../../app/hubspot/apis/tickets.ts';
import { createTimelineApi } from '../../app/hubspot/apis/timeline.ts';
import { createWebhookSettingsApi } from '../../app/hubspot/apis/webhook-settings.ts';
import { accessTokenCases } from './cases/access-tokens.ts';
import { accountCases, ownerCases } from './cases/account.ts';
import { anyObjectCases } from './cases/any-objects.ts';
import { appInstallCases } from './cases/app-installs.ts';
import { associationCases } from './cases/associations.ts';
import { companyCases } from './cases/companies.ts';
import { contactCases } from './cases/contacts.ts';
import { dealCases } from './cases/deals.ts';
import { callCases, emailCases, meetingCases, noteCases, taskCases } from './cases/engagements.ts';
import { listCases } from './cases/lists.ts';
import { oauthCases } from './cases/oauth.ts';
import { pipelineCases } from './cases/pipelines.ts';
import { schemaCases } from './cases/schemas.ts';
import { ticketCases } from './cases/tickets.ts';
import { timelineCases } from './cases/timeline.ts';
import { webhookSettingsCases } from './cases/webhook-settings.ts';
import type { Cases, Services } from './world.ts';

export interface Area {
  /** The function of `app/hubspot/` that creates the service. */
  readonly api: unknown;
  /** HubSpot's description files of the default version, without `.json`. */
  readonly descriptions: readonly string[];
  /** Other versions that can be selected; their descriptions are named alike, except for the version. */
  readonly others?: readonly string[];
  readonly cases: Cases;
}

const others = ['2026-03', 'v3'];
const othersThan2026March = ['2026-09', 'v3'];

/** Each service of `app/hubspot/`, its API descriptions, and the cases that call it. */
export const areas: { readonly [Name in keyof Services]?: Area } = {
  oauth: {
    api: createOAuthApi,
    descriptions: ['oauth.2026-03'],
    others: othersThan2026March,
    cases: oauthCases,
  },
  contacts: { api: createContactsApi, descriptions: ['contacts.2026-09'], others, cases: contactCases },
  companies: { api: createCompaniesApi, descriptions: ['companies.2026-09'], others, cases: companyCases },
  deals: {
    api: createDealsApi,
    descriptions: ['deals.2026-09', 'pipelines.2026-09'],
    others,
    cases: dealCases,
  },
  tickets: {
    api: createTicketsApi,
    descriptions: ['tickets.2026-09', 'pipelines.2026-09'],
    others,
    cases: ticketCases,
  },
  calls: { api: createCallsApi, descriptions: ['calls.2026-09'], others, cases: callCases },
  emails: { api: createEmailsApi, descriptions: ['emails.2026-09'], others, cases: emailCases },
  meetings: { api: createMeetingsApi, descriptions: ['meetings.2026-09'], others, cases: meetingCases },
  notes: { api: createNotesApi, descriptions: ['notes.2026-09'], others, cases: noteCases },
  tasks: { api: createTasksApi, descriptions: ['tasks.2026-09'], others, cases: taskCases },
  // In 2026-09 HubSpot describes one path for all types; older descriptions contain only their own type.
  objects: { api: createObjectsApi, descriptions: ['contacts.2026-09'], cases: anyObjectCases },
  schemas: { api: createSchemasApi, descriptions: [], cases: schemaCases },
  associations: {
    api: createAssociationsApi,
    descriptions: ['associations.2026-09', 'associationsSchema.2026-09'],
    others: ['2026-03', 'v4'],
    cases: associationCases,
  },
  pipelines: { api: createPipelinesApi, descriptions: ['pipelines.2026-09'], others, cases: pipelineCases },
  lists: { api: createListsApi, descriptions: [], cases: listCases },
  owners: { api: createOwnersApi, descriptions: [], cases: ownerCases },
  account: { api: createAccountApi, descriptions: ['accountInfo.2026-09'], others, cases: accountCases },
  accessTokens: { api: createAccessTokensApi, descriptions: [], cases: accessTokenCases },
  timeline: { api: createTimelineApi, descriptions: ['timeline.2026-03'], cases: timelineCases },
  webhookSettings: {
    api: createWebhookSettingsApi,
    descriptions: ['webhooks.2026-09'],
    others,
    cases: webhookSettingsCases,
  },
  appInstalls: {
    api: createAppInstallsApi,
    descriptions: ['appUninstalls.2026-03'],
    others: othersThan2026March,
    cases: appInstallCases,
  },
};

/** The descriptions of each version of an area; the default one has no version here. */
export const describedVersions = ({ descriptions, others = [] }: Area) => [
  { files: descriptions, version: undefined },
  ...others.map((version) => ({
    files: descriptions.map((file) => file.replace(/\..*/, `.${version}`)),
    version,
  })),
];
