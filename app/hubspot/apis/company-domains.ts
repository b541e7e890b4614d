import type { BatchFailure, BatchOutcome, OnProgress } from '../client/batch.ts';
import { domainOf } from './domain.ts';
import type { CrmObjects } from './objects.ts';
import type { PropertyValues } from './property-values.ts';

interface Input {
  /** A domain or a URL. */
  readonly id: string;
  readonly properties: PropertyValues;
}

type Outcome = Awaited<ReturnType<CrmObjects['batchUpsert']>>[number];
type Upserted = NonNullable<Outcome['result']>;
type Fate =
  | { readonly result: Upserted; readonly failure?: undefined }
  | { readonly result?: undefined; readonly failure: BatchFailure };

/** A search may have 3,000 characters; all but the domains needs fewer than 500. */
const SEARCHED_CHARACTERS = 2500;

/**
 * Creates or updates companies by domain, for which HubSpot has no upsert. Inputs
 * with the same domain become one company; later values win. Nothing is written when the search fails.
 */
export async function upsertByDomain(
  companies: Pick<CrmObjects, 'search' | 'batchUpdate' | 'batchCreate'>,
  inputs: readonly Input[],
  onProgress: OnProgress = () => {},
): Promise<Outcome[]> {
  const domains = inputs.map(({ id }) => readDomain(id));
  const wanted = new Map<string, PropertyValues>();
  for (const [at, { domain }] of domains.entries()) {
    if (domain !== undefined)
      wanted.set(domain, { ...wanted.get(domain), ...inputs[at]?.properties, domain });
  }
  const held = await companiesOf(companies, [...wanted.keys()]);

  const all = [...wanted].map(([domain, properties]) => ({
    domain,
    properties,
    ids: held.get(domain) ?? [],
  }));
  const updates = all.flatMap(({ domain, properties, ids: [id, ...others] }) =>
    id !== undefined && others.length === 0 ? [{ domain, id, properties }] : [],
  );
  const creates = all.filter(({ ids }) => ids.length === 0);
  const fates = new Map<string, Fate>(
    all.filter(({ ids }) => ids.length > 1).map(({ domain, ids }) => [domain, severalHave(domain, ids)]),
  );
  const updated = await companies.batchUpdate(updates, { onProgress });
  for (const [at, { domain }] of updates.entries()) fates.set(domain, told(updated[at], false));
  const created = await companies.batchCreate(creates, (done) => onProgress(updates.length + done));
  for (const [at, { domain }] of creates.entries()) fates.set(domain, told(created[at], true));

  return inputs.map((input, at): Outcome => {
    const { domain, problem = UNTOLD } = domains[at] ?? {};
    return { input, ...(fates.get(domain ?? '') ?? { failure: { message: problem } }) };
  });
}

const UNTOLD = 'HubSpot did not say what became of it';

/** Ids of the companies with each domain. */
async function companiesOf(
  { search }: Pick<CrmObjects, 'search'>,
  domains: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const values of inSearches(domains)) {
    const filters = [{ propertyName: 'domain', operator: 'IN', values }] as const;
    for await (const { id, properties } of search({ filters, properties: ['domain'] })) {
      const domain = properties.domain?.toLowerCase() ?? '';
      found.set(domain, [...(found.get(domain) ?? []), id]);
    }
  }
  return found;
}

function inSearches(domains: readonly string[]): string[][] {
  const searches: string[][] = [];
  let room = 0;
  for (const domain of domains) {
    const needed = JSON.stringify(domain).length + 1;
    if (room < needed) {
      searches.push([]);
      room = SEARCHED_CHARACTERS;
    }
    searches.at(-1)?.push(domain);
    room -= needed;
  }
  return searches;
}

function readDomain(text: string): { domain?: string; problem?: string } {
  try {
    return { domain: domainOf(text) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

const told = (outcome: BatchOutcome<unknown, Upserted> | undefined, created: boolean): Fate =>
  outcome?.result === undefined
    ? { failure: outcome?.failure ?? { message: UNTOLD } }
    : { result: { ...outcome.result, new: created } };

const severalHave = (domain: string, ids: readonly string[]): Fate => ({
  failure: { message: `Several companies have the domain ${domain}: ${ids.join(', ')}` },
});
