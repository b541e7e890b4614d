import type { ObjectType, PropertyType } from './object-types.ts';

const ownProperties: Record<string, PropertyType> = {
  hs_createdate: 'datetime',
  hs_lastmodifieddate: 'datetime',
  hs_object_id: 'number',
  hubspot_owner_id: 'enumeration',
  hubspot_team_id: 'enumeration',
};

/** A type that an account defines. Its properties are definitions of the account, like all added ones. */
export function customType(
  portalId: number,
  {
    id,
    name,
    requiredProperties,
    searchableProperties,
  }: {
    id: string;
    name: string;
    requiredProperties: readonly string[];
    searchableProperties: readonly string[];
  },
): ObjectType {
  return {
    id,
    singular: name,
    plural: `p${portalId}_${name}`,
    defaultProperties: ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id'],
    modifiedProperty: 'hs_lastmodifieddate',
    queryProperties: searchableProperties,
    uniqueProperties: [],
    requiredOnCreate: requiredProperties.map((property) => [property]),
    mergeable: true,
    readScopes: ['crm.objects.custom.read'],
    writeScopes: ['crm.objects.custom.write'],
    properties: ownProperties,
  };
}
