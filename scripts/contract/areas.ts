import { createAppInstallsApi } from '../../app/hubspot/app-installs.ts';
import { createContactsApi } from '../../app/hubspot/contacts.ts';
import { createOAuthApi } from '../../app/hubspot/oauth.ts';
import { createTimelineApi } from '../../app/hubspot/timeline.ts';
import { appInstallCases } from './cases/app-installs.ts';
import { contactCases } from './cases/contacts.ts';
import { oauthCases } from './cases/oauth.ts';
import { timelineCases } from './cases/timeline.ts';
import type { Cases, Services } from './world.ts';

export interface Area {
  /** The function of `app/hubspot/` that makes the service. */
  readonly api: unknown;
  /** Files of HubSpot's descriptions, without `.json`. */
  readonly descriptions: readonly string[];
  readonly cases: Cases;
}

/** Each service of `app/hubspot/`, what HubSpot says about its API, and the cases that drive it. */
export const areas: { readonly [Name in keyof Services]?: Area } = {
  oauth: { api: createOAuthApi, descriptions: ['oauth.2026-03'], cases: oauthCases },
  contacts: { api: createContactsApi, descriptions: ['contacts.2026-09'], cases: contactCases },
  timeline: { api: createTimelineApi, descriptions: ['timeline.2026-03'], cases: timelineCases },
  appInstalls: { api: createAppInstallsApi, descriptions: ['appUninstalls.2026-03'], cases: appInstallCases },
};
