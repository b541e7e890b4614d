import { AppError } from '../../base/errors.ts';
import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import { upsertByDomain } from './company-domains.ts';
import type { CrmRecord } from './crm-record.ts';
import { domainOf } from './domain.ts';
import { createCrmObjects, createMerge } from './objects.ts';
import { otherValueGiven, type PropertyValues } from './property-values.ts';

const PROPERTIES = ['name', 'domain', 'phone', 'city', 'country', 'industry', 'lifecyclestage'];

/** @see https://developers.hubspot.com/docs/api-reference/crm-companies-v3/guide */
export function createCompaniesApi(send: Send, paths = apiPaths) {
  const type = { path: `${paths.objects.path}/companies`, properties: PROPERTIES };
  const companies = createCrmObjects(send, type);

  async function findByDomain(
    domain: string,
    properties: readonly string[] = PROPERTIES,
  ): Promise<CrmRecord[]> {
    const filters = [{ propertyName: 'domain', operator: 'EQ', value: domainOf(domain) }] as const;
    return Array.fromAsync(companies.search({ filters, properties }));
  }

  return {
    ...companies,

    /**
     * The companies whose primary domain is this domain or that of this URL. HubSpot allows several with the same.
     * Additional domains of companies are not searched.
     */
    findByDomain,

    /**
     * Creates or updates the company with this domain, or with that of this URL. HubSpot does not keep domains
     * unique and finds a new company only after a few seconds: until then the same call creates a duplicate.
     * @throws {AppError} status 400 when the properties name another domain.
     * @throws {AppError} status 409 that names the companies when several have the domain; nothing is written.
     */
    async createOrUpdateByDomain(
      domain: string,
      { domain: named = domain, ...properties }: PropertyValues,
    ): Promise<{ company: CrmRecord; created: boolean }> {
      if (domainOf(String(named)) !== domainOf(domain)) throw otherValueGiven('domain', domainOf(domain));
      const found = await findByDomain(domain, ['domain']);
      const [company, ...others] = found;
      if (company === undefined) {
        const created = await companies.create({ ...properties, domain: domainOf(domain) });
        return { company: created, created: true };
      }
      if (others.length > 0) throw severalCompanies(domainOf(domain), found);
      return { company: await companies.update(company.id, properties), created: false };
    },

    /** Also by `domain`, like `createOrUpdateByDomain`. Only inputs whose domain several companies have fail. */
    batchUpsert: (...[idProperty, inputs, onProgress]: Parameters<typeof companies.batchUpsert>) =>
      idProperty === 'domain'
        ? upsertByDomain(companies, inputs, onProgress)
        : companies.batchUpsert(idProperty, inputs, onProgress),

    merge: createMerge(send, type),
  };
}

const severalCompanies = (domain: string, companies: readonly CrmRecord[]) =>
  new AppError(
    409,
    'several_companies',
    `Several companies have the domain ${domain}: ${companies.map(({ id }) => id).join(', ')}. Nothing was written. ` +
      'Merge them, or update one by its id.',
  );
