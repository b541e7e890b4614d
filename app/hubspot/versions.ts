/**
 * The one table of HubSpot's API areas: their versions, the path of each, and when HubSpot stops
 * supporting each (dated versions 18 months after their release, v1 to v3 in September 2027, v4 on 2027-03-30).
 * This server calls the first version of an area. Paths change between versions, so a version is
 * never templated into another version's path.
 * @see https://developers.hubspot.com/docs/api-reference/overview (date-based versions)
 */
export const apiVersions = {
  oauth: [
    { version: '2026-03', path: '/oauth/2026-03', unsupportedFrom: '2027-09-30' },
    { version: '2026-09', path: '/oauth/2026-09', unsupportedFrom: '2028-03-31' },
    { version: 'v3', path: '/oauth/v3', unsupportedFrom: '2027-09-30' },
  ],
  objects: [
    { version: '2026-09', path: '/crm/objects/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/crm/objects/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v3', path: '/crm/v3/objects', unsupportedFrom: '2027-09-30' },
  ],
  /** Definitions of custom object types. */
  schemas: [
    { version: '2026-03', path: '/crm-object-schemas/2026-03/schemas', unsupportedFrom: '2027-09-30' },
    { version: 'v3', path: '/crm-object-schemas/v3/schemas', unsupportedFrom: '2027-09-30' },
  ],
  /** Associations of one record, below its path. */
  recordAssociations: [
    { version: '2026-09', path: '/crm/objects/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/crm/objects/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v4', path: '/crm/v4/objects', unsupportedFrom: '2027-03-30' },
  ],
  /** Associations of many records at once. */
  associations: [
    { version: '2026-09', path: '/crm/associations/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/crm/associations/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v4', path: '/crm/v4/associations', unsupportedFrom: '2027-03-30' },
  ],
  /** Definitions of association labels. */
  associationLabels: [
    { version: '2026-09', path: '/crm/associations/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/crm/associations/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v4', path: '/crm/associations/v4', unsupportedFrom: '2027-03-30' },
  ],
  pipelines: [
    { version: '2026-09', path: '/crm/pipelines/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/crm/pipelines/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v3', path: '/crm/v3/pipelines', unsupportedFrom: '2027-09-30' },
  ],
  owners: [
    { version: '2026-09', path: '/crm/owners/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/crm/owners/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v3', path: '/crm/v3/owners', unsupportedFrom: '2027-09-30' },
  ],
  lists: [
    { version: '2026-09', path: '/crm/lists/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/crm/lists/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v3', path: '/crm/v3/lists', unsupportedFrom: '2027-09-30' },
  ],
  accountInfo: [
    { version: '2026-09', path: '/account-info/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/account-info/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v3', path: '/account-info/v3', unsupportedFrom: '2027-09-30' },
  ],
  appEvents: [
    { version: '2026-03', path: '/integrators/timeline/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v4', path: '/integrators/timeline/v4', unsupportedFrom: '2027-03-30' },
  ],
  appUninstalls: [
    { version: '2026-03', path: '/appinstalls/2026-03', unsupportedFrom: '2027-09-30' },
    { version: '2026-09', path: '/appinstalls/2026-09', unsupportedFrom: '2028-03-31' },
    { version: 'v3', path: '/appinstalls/v3', unsupportedFrom: '2027-09-30' },
  ],
  /** Access tokens that HubSpot displays. Not in HubSpot's API descriptions. */
  privateApps: [{ version: 'v2', path: '/oauth/v2/private-apps', unsupportedFrom: '2027-09-30' }],
  /** Settings and subscriptions of legacy apps. */
  webhooks: [
    { version: '2026-09', path: '/app-webhooks/2026-09', unsupportedFrom: '2028-03-31' },
    { version: '2026-03', path: '/webhooks/2026-03', unsupportedFrom: '2027-09-30' },
    { version: 'v3', path: '/webhooks/v3', unsupportedFrom: '2027-09-30' },
  ],
} as const satisfies Record<string, readonly [ApiVersion, ...ApiVersion[]]>;

export interface ApiVersion {
  readonly version: string;
  /** The prefix of every path of the area. */
  readonly path: string;
  /** The day on which HubSpot's support ends; the API may work for longer. */
  readonly unsupportedFrom: string;
}

export type ApiArea = keyof typeof apiVersions;
export type ApiPaths = Readonly<Record<ApiArea, ApiVersion>>;

/** The paths that this server calls. */
export const apiPaths: ApiPaths = apiPathsOf();

/**
 * The paths with other versions for some areas: `apiPathsOf({ objects: 'v3', pipelines: 'v3' })`. All other areas
 * keep their default.
 * @throws {RangeError} for a version that an area does not have.
 */
export function apiPathsOf(wanted: Partial<Record<ApiArea, string>> = {}): ApiPaths {
  const areas = Object.keys(apiVersions) as ApiArea[];
  return Object.fromEntries(areas.map((area) => [area, versionOf(area, wanted[area])])) as ApiPaths;
}

/**
 * Parses `HUBSPOT_API_VERSIONS`: `objects=v3 pipelines=2026-03`, separated by spaces or commas.
 * @throws {Error} naming the valid areas or versions.
 */
export function parseApiVersions(text: string): ApiPaths {
  const pairs = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((word): [string, string] => {
      const [area = '', version = ''] = word.split('=', 2);
      if (!Object.hasOwn(apiVersions, area) || !version) {
        throw new Error(
          `must be pairs like objects=v3; the areas are ${Object.keys(apiVersions).join(', ')}`,
        );
      }
      return [area, version];
    });
  return apiPathsOf(Object.fromEntries(pairs));
}

function versionOf(area: ApiArea, wanted: string | undefined): ApiVersion {
  const versions: readonly [ApiVersion, ...ApiVersion[]] = apiVersions[area];
  if (wanted === undefined) return versions[0];
  const found = versions.find(({ version }) => version === wanted);
  if (!found) {
    throw new RangeError(
      `asks for ${wanted} of ${area}; there are ${versions.map((it) => it.version).join(', ')}`,
    );
  }
  return found;
}
