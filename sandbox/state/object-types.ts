/** The type of a property's values. */
export const propertyTypes = [
  'string',
  'number',
  'date',
  'datetime',
  'enumeration',
  'bool',
  'phone_number',
] as const;
export type PropertyType = (typeof propertyTypes)[number];

/** The pipeline properties of a type's records, and the metadata of its stages. */
export interface PipelineUse {
  pipelineProperty: string;
  stageProperty: string;
  stageMetadata: 'probability' | 'ticketState';
}

export interface ObjectType {
  id: string;
  singular: string;
  plural: string;
  /** Returned by default. */
  defaultProperties: readonly string[];
  modifiedProperty: 'lastmodifieddate' | 'hs_lastmodifieddate';
  /** Searched by the `query` of a search request. */
  queryProperties: readonly string[];
  uniqueProperties: readonly string[];
  /** Creating a record requires one property of each inner list. */
  requiredOnCreate: ReadonlyArray<readonly string[]>;
  mergeable: boolean;
  /** A deletion through the API cannot be undone. */
  deletedForGood?: boolean;
  pipelines?: PipelineUse;
  readScopes: readonly string[];
  writeScopes: readonly string[];
  /** Also required. */
  furtherScopes?: readonly string[];
  properties: Readonly<Record<string, PropertyType>>;
}

/** A type that an account has defined itself; its `plural` is its full name, `p62515_machine`. */
export const isCustom = ({ id }: ObjectType): boolean => id.startsWith('2-');

/** Written only by HubSpot. */
export const readOnlyProperties: ReadonlySet<string> = new Set([
  'createdate',
  'hs_createdate',
  'lastmodifieddate',
  'hs_lastmodifieddate',
  'hs_object_id',
]);

const strings = (...names: string[]) => ofType('string', names);
const ofType = (type: PropertyType, names: string[]) =>
  Object.fromEntries(names.map((name) => [name, type] as const));

const everyType: Record<string, PropertyType> = {
  ...ofType('datetime', ['createdate', 'hs_createdate', 'lastmodifieddate', 'hs_lastmodifieddate']),
  ...ofType('number', ['hs_object_id']),
  ...ofType('enumeration', ['hubspot_owner_id', 'hubspot_team_id']),
};

const address = strings('address', 'city', 'state', 'zip', 'country');

function engagement(id: string, singular: string, plural: string, fields: Record<string, PropertyType>) {
  return {
    id,
    singular,
    plural,
    defaultProperties: ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id'],
    modifiedProperty: 'hs_lastmodifieddate',
    queryProperties: Object.keys(fields).filter((name) => fields[name] === 'string'),
    uniqueProperties: [],
    requiredOnCreate: [['hs_timestamp']],
    mergeable: false,
    readScopes: ['crm.objects.contacts.read'],
    writeScopes: ['crm.objects.contacts.write'],
    properties: { ...everyType, hs_timestamp: 'datetime', hs_attachment_ids: 'string', ...fields },
  } satisfies ObjectType;
}

function commerce(
  id: string,
  singular: string,
  plural: string,
  properties: Record<string, PropertyType>,
  more: Partial<ObjectType> = {},
): ObjectType {
  return {
    id,
    singular,
    plural,
    defaultProperties: ['createdate', 'hs_lastmodifieddate', 'hs_object_id'],
    modifiedProperty: 'hs_lastmodifieddate',
    queryProperties: [],
    uniqueProperties: [],
    requiredOnCreate: [],
    mergeable: false,
    readScopes: [`crm.objects.${plural}.read`],
    writeScopes: [`crm.objects.${plural}.write`],
    properties: { ...everyType, ...properties },
    ...more,
  };
}

/** The standard object types of the sandbox. Another type is one more entry. */
export const objectTypes: readonly ObjectType[] = [
  {
    id: '0-1',
    singular: 'contact',
    plural: 'contacts',
    defaultProperties: ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname'],
    modifiedProperty: 'lastmodifieddate',
    queryProperties: ['firstname', 'lastname', 'email', 'phone', 'company'],
    uniqueProperties: ['email'],
    requiredOnCreate: [],
    mergeable: true,
    readScopes: ['crm.objects.contacts.read'],
    writeScopes: ['crm.objects.contacts.write'],
    properties: {
      ...everyType,
      ...address,
      ...strings(
        'email',
        'firstname',
        'lastname',
        'salutation',
        'phone',
        'mobilephone',
        'fax',
        'company',
        'jobtitle',
        'website',
        'industry',
        'message',
        'numemployees',
        'annualrevenue',
        'hs_language',
        'hs_persona',
        'twitterhandle',
        'date_of_birth',
        'notes_last_updated',
      ),
      ...ofType('enumeration', [
        'lifecyclestage',
        'hs_lead_status',
        'hs_legal_basis',
        'hs_additional_emails',
      ]),
      ...ofType('number', ['hubspotscore', 'associatedcompanyid', 'num_associated_deals']),
      ...ofType('datetime', ['closedate', 'notes_last_contacted', 'hs_last_sales_activity_timestamp']),
    },
  },
  {
    id: '0-2',
    singular: 'company',
    plural: 'companies',
    defaultProperties: ['createdate', 'domain', 'hs_lastmodifieddate', 'hs_object_id', 'name'],
    modifiedProperty: 'hs_lastmodifieddate',
    queryProperties: ['name', 'domain', 'phone', 'website'],
    uniqueProperties: [],
    requiredOnCreate: [['name', 'domain']],
    mergeable: true,
    readScopes: ['crm.objects.companies.read'],
    writeScopes: ['crm.objects.companies.write'],
    properties: {
      ...everyType,
      ...address,
      ...strings('name', 'domain', 'phone', 'website', 'description', 'address2', 'timezone', 'about_us'),
      ...ofType('enumeration', ['lifecyclestage', 'industry', 'type', 'hs_lead_status']),
      ...ofType('number', ['numberofemployees', 'annualrevenue', 'founded_year']),
    },
  },
  {
    id: '0-3',
    singular: 'deal',
    plural: 'deals',
    defaultProperties: [
      'amount',
      'closedate',
      'createdate',
      'dealname',
      'dealstage',
      'hs_lastmodifieddate',
      'hs_object_id',
      'pipeline',
    ],
    modifiedProperty: 'hs_lastmodifieddate',
    queryProperties: ['dealname', 'description'],
    uniqueProperties: [],
    requiredOnCreate: [['dealname'], ['dealstage'], ['pipeline']],
    mergeable: true,
    pipelines: {
      pipelineProperty: 'pipeline',
      stageProperty: 'dealstage',
      stageMetadata: 'probability',
    },
    readScopes: ['crm.objects.deals.read'],
    writeScopes: ['crm.objects.deals.write'],
    properties: {
      ...everyType,
      ...strings('dealname', 'description', 'closed_lost_reason', 'closed_won_reason'),
      ...ofType('enumeration', [
        'pipeline',
        'dealstage',
        'dealtype',
        'hs_priority',
        'deal_currency_code',
        'hs_forecast_probability',
      ]),
      ...ofType('number', ['amount', 'hs_deal_stage_probability', 'amount_in_home_currency']),
      ...ofType('datetime', ['closedate']),
    },
  },
  {
    id: '0-5',
    singular: 'ticket',
    plural: 'tickets',
    defaultProperties: [
      'content',
      'createdate',
      'hs_lastmodifieddate',
      'hs_object_id',
      'hs_pipeline',
      'hs_pipeline_stage',
      'hs_ticket_category',
      'hs_ticket_priority',
      'subject',
    ],
    modifiedProperty: 'hs_lastmodifieddate',
    queryProperties: ['subject', 'content'],
    uniqueProperties: [],
    requiredOnCreate: [['subject'], ['hs_pipeline'], ['hs_pipeline_stage']],
    mergeable: true,
    pipelines: {
      pipelineProperty: 'hs_pipeline',
      stageProperty: 'hs_pipeline_stage',
      stageMetadata: 'ticketState',
    },
    readScopes: ['tickets', 'crm.objects.tickets.read'],
    writeScopes: ['tickets', 'crm.objects.tickets.write'],
    properties: {
      ...everyType,
      ...strings('subject', 'content', 'hs_resolution'),
      ...ofType('enumeration', [
        'hs_pipeline',
        'hs_pipeline_stage',
        'hs_ticket_priority',
        'hs_ticket_category',
        'source_type',
      ]),
      ...ofType('datetime', ['closed_date']),
    },
  },
  engagement('0-46', 'note', 'notes', strings('hs_note_body')),
  engagement('0-47', 'meeting', 'meetings', {
    ...strings('hs_meeting_title', 'hs_meeting_body', 'hs_internal_meeting_notes', 'hs_meeting_location'),
    ...ofType('datetime', ['hs_meeting_start_time', 'hs_meeting_end_time']),
    ...ofType('enumeration', ['hs_meeting_outcome']),
  }),
  engagement('0-48', 'call', 'calls', {
    ...strings('hs_call_title', 'hs_call_body', 'hs_call_from_number', 'hs_call_to_number'),
    ...strings('hs_call_recording_url'),
    ...ofType('number', ['hs_call_duration']),
    ...ofType('enumeration', ['hs_call_direction', 'hs_call_status', 'hs_call_disposition']),
  }),
  {
    ...engagement('0-49', 'email', 'emails', {
      ...strings('hs_email_subject', 'hs_email_text', 'hs_email_html', 'hs_email_headers'),
      ...ofType('enumeration', ['hs_email_direction', 'hs_email_status']),
    }),
    requiredOnCreate: [['hs_timestamp'], ['hs_email_direction']],
    furtherScopes: ['sales-email-read'],
    deletedForGood: true,
  },
  engagement('0-27', 'task', 'tasks', {
    ...strings('hs_task_subject', 'hs_task_body', 'hs_task_reminders'),
    ...ofType('enumeration', ['hs_task_status', 'hs_task_priority', 'hs_task_type']),
  }),
  commerce(
    '0-7',
    'product',
    'products',
    {
      ...strings('name', 'description', 'hs_sku', 'hs_url'),
      ...strings('hs_recurring_billing_period'),
      ...ofType('number', ['price', 'hs_cost_of_goods_sold']),
      ...ofType('enumeration', ['recurringbillingfrequency', 'hs_product_type']),
    },
    { queryProperties: ['name', 'description', 'hs_sku', 'price'] },
  ),
  commerce(
    '0-8',
    'line_item',
    'line_items',
    {
      ...strings('name', 'description', 'hs_sku', 'hs_product_id', 'hs_recurring_billing_period'),
      ...ofType('number', ['quantity', 'price', 'amount', 'discount', 'hs_discount_percentage', 'tax']),
      ...ofType('enumeration', ['recurringbillingfrequency', 'hs_line_item_currency_code']),
    },
    {
      defaultProperties: ['createdate', 'hs_lastmodifieddate', 'hs_object_id', 'hs_product_id', 'quantity'],
    },
  ),
  commerce(
    '0-14',
    'quote',
    'quotes',
    {
      ...strings('hs_title', 'hs_quote_number', 'hs_comments', 'hs_terms'),
      ...ofType('number', ['hs_quote_amount']),
      ...ofType('datetime', ['hs_expiration_date']),
      ...ofType('enumeration', ['hs_status', 'hs_currency', 'hs_language']),
    },
    { requiredOnCreate: [['hs_title'], ['hs_expiration_date']], queryProperties: ['hs_title'] },
  ),
];

/** Finds a standard type by id (`0-1`), singular or plural name, upper or lower case. */
export function findObjectType(name: string): ObjectType | undefined {
  const wanted = name.toLowerCase();
  return objectTypes.find(
    ({ id, singular, plural }) => id === wanted || singular === wanted || plural === wanted,
  );
}

/** Throws when the sandbox has no such type: for names in the sandbox's own code. */
export function objectTypeNamed(name: string): ObjectType {
  const found = findObjectType(name);
  if (!found) throw new Error(`The sandbox knows no object type "${name}".`);
  return found;
}
