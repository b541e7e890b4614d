import { type ObjectType, objectTypeNamed } from './object-types.ts';
import { machine } from './seed-machine.ts';

export interface Seed {
  portalId: number;
  type: ObjectType;
  id: string;
  properties: Record<string, string>;
}

const contact = objectTypeNamed('contact');
const company = objectTypeNamed('company');
const deal = objectTypeNamed('deal');
const ticket = objectTypeNamed('ticket');

function person(
  portalId: number,
  id: string,
  [firstname, lastname, email, phone, lifecyclestage, jobtitle, organisation]: [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ],
): Seed {
  const properties = { firstname, lastname, email, phone, lifecyclestage, jobtitle, company: organisation };
  return { portalId, type: contact, id, properties };
}

/** The data of every portal after a start or a reset. */
export const seedRecords: Seed[] = [
  person(62515, '101', [
    'Jane',
    'Doe',
    'jane@example.com',
    '+1 617 555 0101',
    'lead',
    'Head of Operations',
    'Example Inc.',
  ]),
  person(62515, '102', [
    '太郎',
    '山田',
    'taro.yamada@example.com',
    '+81 3 5550 0102',
    'marketingqualifiedlead',
    '営業部長',
    '株式会社サンプル',
  ]),
  person(62515, '103', [
    'Miguel',
    'Santos',
    'miguel.santos@example.com',
    '+34 91 555 0103',
    'customer',
    'IT Manager',
    'Example Ibérica',
  ]),
  person(62515, '104', [
    'Aoife',
    "O'Brien",
    'aoife.obrien@example.com',
    '+353 1 555 0104',
    'opportunity',
    'Buyer',
    'Example Ireland',
  ]),
  person(62515, '105', [
    'Priya',
    'Natarajan',
    'priya+crm@example.com',
    '+91 22 5550 0105',
    'subscriber',
    'Analyst',
    'Example Inc.',
  ]),
  person(62516, '201', [
    'Jane',
    'Roe',
    'jane.roe@second.example',
    '+1 212 555 0201',
    'lead',
    'Founder',
    'Second Ltd.',
  ]),
  person(62516, '202', [
    '花子',
    '佐藤',
    'hanako.sato@second.example',
    '+81 6 5550 0202',
    'customer',
    '経理',
    '株式会社セカンド',
  ]),
  person(62516, '203', [
    'Lars',
    'Nyström',
    'lars@second.example',
    '+46 8 555 0203',
    'salesqualifiedlead',
    'CTO',
    'Second AB',
  ]),
  {
    portalId: 62515,
    type: company,
    id: '301',
    properties: {
      name: 'Example Inc.',
      domain: 'example.com',
      city: 'Boston',
      country: 'United States',
      numberofemployees: '120',
    },
  },
  {
    portalId: 62515,
    type: company,
    id: '302',
    properties: {
      name: '株式会社サンプル',
      domain: 'sample.example.com',
      city: '東京',
      country: 'Japan',
      numberofemployees: '45',
    },
  },
  {
    portalId: 62516,
    type: company,
    id: '303',
    properties: { name: 'Second Ltd.', domain: 'second.example', city: 'New York', country: 'United States' },
  },
  {
    portalId: 62515,
    type: deal,
    id: '401',
    properties: {
      dealname: 'Example Inc. – annual plan',
      amount: '12000',
      pipeline: 'default',
      dealstage: 'contractsent',
      closedate: '2026-12-18T00:00:00.000Z',
    },
  },
  {
    portalId: 62515,
    type: deal,
    id: '402',
    properties: {
      dealname: 'サンプル社 – 試用',
      amount: '3500',
      pipeline: 'default',
      dealstage: 'appointmentscheduled',
    },
  },
  {
    portalId: 62516,
    type: deal,
    id: '403',
    properties: {
      dealname: 'Second Ltd. – renewal',
      amount: '800',
      pipeline: 'default',
      dealstage: 'closedwon',
    },
  },
  {
    portalId: 62515,
    type: ticket,
    id: '501',
    properties: {
      subject: 'Cannot sign in',
      content: 'The reset link does not arrive.',
      hs_pipeline: '0',
      hs_pipeline_stage: '1',
      hs_ticket_priority: 'HIGH',
    },
  },
  {
    portalId: 62516,
    type: ticket,
    id: '502',
    properties: {
      subject: 'Invoice address',
      hs_pipeline: '0',
      hs_pipeline_stage: '2',
      hs_ticket_priority: 'LOW',
    },
  },
  {
    portalId: 62515,
    type: objectTypeNamed('product'),
    id: '601',
    properties: { name: 'Annual plan', hs_sku: 'PLAN-12', price: '1000' },
  },
  {
    portalId: 62515,
    type: objectTypeNamed('line_item'),
    id: '701',
    properties: { name: 'Annual plan', hs_product_id: '601', quantity: '12', price: '1000', amount: '12000' },
  },
  {
    portalId: 62515,
    type: objectTypeNamed('quote'),
    id: '801',
    properties: {
      hs_title: 'Example Inc. – offer',
      hs_status: 'DRAFT',
      hs_expiration_date: '2027-01-31T00:00:00.000Z',
    },
  },
  {
    portalId: 62515,
    type: machine,
    id: '901',
    properties: { serial_number: 'M-0001', model: 'Press 2', installed_on: '2026-05-04' },
  },
];
