import type { PortalApis } from './portal-apis.ts';
import type { Scope } from './published-scopes.ts';

/** Scopes that a call needs together. */
type Scopes = readonly Scope[];
type Access = 'read' | 'write';
type AreaScopes = Readonly<Record<Access, Scopes>>;

const recordScopes = (type: string): AreaScopes => ({
  read: [`crm.objects.${type}.read`],
  write: [`crm.objects.${type}.write`],
});
const same = (...scopes: string[]): AreaScopes => ({ read: scopes, write: scopes });
const CONTACTS = recordScopes('contacts');
const CUSTOM = /^(2-|p\d*_)/;

/**
 * The one table of the scopes that each area of `portalApis` needs, as in HubSpot's API descriptions under
 * `security`. A function returns those of an object type.
 */
export const apiScopes = {
  contacts: CONTACTS,
  companies: recordScopes('companies'),
  deals: recordScopes('deals'),
  tickets: same('tickets'),
  calls: CONTACTS,
  emails: {
    read: [...CONTACTS.read, 'sales-email-read'],
    write: [...CONTACTS.write, 'sales-email-read'],
  },
  meetings: CONTACTS,
  notes: CONTACTS,
  tasks: CONTACTS,
  /** Changing members also needs the read scope, although HubSpot documents only one of the two. */
  lists: { read: ['crm.lists.read'], write: ['crm.lists.read', 'crm.lists.write'] },
  /** Standard types without a typed service have their own scopes; all custom types share theirs. */
  objects: (type: string): AreaScopes => {
    if (CUSTOM.test(type)) return recordScopes('custom');
    const known = apiScopes[type as keyof typeof apiScopes];
    return known !== undefined && typeof known !== 'function' ? known : recordScopes(type);
  },
  schemas: { read: ['crm.schemas.custom.read'], write: ['crm.schemas.custom.write'] },
  owners: same('crm.objects.owners.read'),
  account: same('oauth'),
  timeline: same('timeline'),
  appInstalls: same('oauth'),
  pipelines: (type: 'deals' | 'tickets'): AreaScopes =>
    type === 'tickets'
      ? same('tickets')
      : { read: recordScopes('deals').read, write: ['crm.schemas.deals.write'] },
  /** Those of the records at either end; HubSpot accepts one of the two. */
  associations: (type: string): AreaScopes => apiScopes.objects(type),
} as const satisfies Record<keyof PortalApis, AreaScopes | ((type: never) => AreaScopes)>;
