import { apiPaths } from './api-paths.ts';
import type { CrmRecord } from './crm-record.ts';
import type { Send } from './http.ts';
import { createCrmObjects, createMerge } from './objects.ts';

const PROPERTIES = ['name', 'domain', 'phone', 'city', 'country', 'industry', 'lifecyclestage'];

/** @see https://developers.hubspot.com/docs/api-reference/crm-companies-v3/guide */
export function createCompaniesApi(send: Send, paths = apiPaths) {
  const type = { path: `${paths.objects.path}/companies`, properties: PROPERTIES };
  const companies = createCrmObjects(send, type);

  return {
    ...companies,

    /** The companies with this domain: HubSpot lets several have the same. */
    async findByDomain(domain: string, properties: readonly string[] = PROPERTIES): Promise<CrmRecord[]> {
      const filters = [{ propertyName: 'domain', operator: 'EQ', value: domain.toLowerCase() }] as const;
      const found: CrmRecord[] = [];
      for await (const company of companies.search({ filters, properties })) found.push(company);
      return found;
    },

    merge: createMerge(send, type),
  };
}
