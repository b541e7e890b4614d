import type { PortalApis } from './portal-apis.ts';

/** Scopes that are needed together. */
type Scopes = readonly string[];
type Access = 'read' | 'write';
type AreaScopes = Readonly<Record<Access, Scopes>>;

const recordScopes = (type: string): AreaScopes => ({
  read: [`crm.objects.${type}.read`],
  write: [`crm.objects.${type}.write`],
});
const same = (...scopes: string[]): AreaScopes => ({ read: scopes, write: scopes });
const CONTACTS = recordScopes('contacts');

/**
 * The one table of the scopes that each area of `portalApis` needs, as HubSpot's API descriptions have them under
 * `security`. A function says it for object types.
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
  /** Changes of members are refused without the right to read, too, though HubSpot documents one of the two. */
  lists: { read: ['crm.lists.read'], write: ['crm.lists.read', 'crm.lists.write'] },
  owners: same('crm.objects.owners.read'),
  account: same('oauth'),
  timeline: same('timeline'),
  appInstalls: same('oauth'),
  pipelines: (type: 'deals' | 'tickets'): AreaScopes =>
    type === 'tickets'
      ? same('tickets')
      : { read: recordScopes('deals').read, write: ['crm.schemas.deals.write'] },
  /** Those of the records at either end; HubSpot is content with one of the two. */
  associations: (type: 'contacts' | 'companies' | 'deals' | 'tickets'): AreaScopes => apiScopes[type],
} as const satisfies Record<keyof PortalApis, AreaScopes | ((type: never) => AreaScopes)>;
