/**
 * The one table of HubSpot's API areas: which version this server calls, under which path, and when HubSpot stops
 * supporting it (dated versions: 18 months after their release). Path families change between versions, so a
 * version is never templated into another version's path.
 * @see https://developers.hubspot.com/docs/api-reference/overview (date-based versions)
 */
export const apiPaths = {
  oauth: { version: '2026-03', path: '/oauth/2026-03', unsupportedFrom: '2027-09-30' },
  objects: { version: '2026-09', path: '/crm/objects/2026-09', unsupportedFrom: '2028-03-31' },
  appEvents: { version: '2026-03', path: '/integrators/timeline/2026-03', unsupportedFrom: '2027-09-30' },
  appUninstalls: { version: '2026-03', path: '/appinstalls/2026-03', unsupportedFrom: '2027-09-30' },
} as const;
