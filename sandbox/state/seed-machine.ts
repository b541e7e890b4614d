import { customType } from './custom-type.ts';
import type { NewSchema } from './object-schema.ts';
import { objectTypeNamed } from './object-types.ts';
import { newDefinition, ownGroup } from './property-definition.ts';

const portalId = 62515;
const requiredProperties = ['serial_number'];
const searchableProperties = ['serial_number', 'model'];

/** The custom type that portal 62515 has after a start or a reset; no other portal has it. */
export const machine = customType(portalId, {
  id: '2-30001',
  name: 'machine',
  requiredProperties,
  searchableProperties,
});

const groupName = ownGroup(machine).name;

export const machineSchema: { readonly portalId: number; readonly schema: NewSchema } = {
  portalId,
  schema: {
    type: machine,
    labels: { singular: 'Machine', plural: 'Machines' },
    description: 'What a customer has bought and where it stands.',
    primaryDisplayProperty: 'serial_number',
    secondaryDisplayProperties: ['model'],
    requiredProperties,
    properties: [
      newDefinition(
        {
          name: 'serial_number',
          label: 'Serial number',
          type: 'string',
          fieldType: 'text',
          groupName,
          hasUniqueValue: true,
        },
        0,
      ),
      newDefinition({ name: 'model', label: 'Model', type: 'string', fieldType: 'text', groupName }, 0),
      newDefinition(
        { name: 'installed_on', label: 'Installed on', type: 'date', fieldType: 'date', groupName },
        0,
      ),
    ],
    associatedTypes: [objectTypeNamed('contact'), objectTypeNamed('company')],
  },
};
