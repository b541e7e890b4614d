import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';
import type { CrmRecord, NewAssociation } from './crm-record.ts';
import { createCrmObjects } from './objects.ts';
import type { PropertyValues } from './property-values.ts';

/** The differences between the kinds of engagement. */
interface Kind {
  readonly name: 'calls' | 'emails' | 'meetings' | 'notes' | 'tasks';
  readonly properties: readonly string[];
  /** Set on create, unless the call sets them. */
  readonly defaults: PropertyValues;
}

const calls: Kind = {
  name: 'calls',
  properties: ['hs_timestamp', 'hs_call_title', 'hs_call_body', 'hs_call_direction', 'hs_call_status'],
  defaults: {},
};
const emails: Kind = {
  name: 'emails',
  properties: ['hs_timestamp', 'hs_email_subject', 'hs_email_direction', 'hs_email_status'],
  // HubSpot requires a direction; EMAIL means sent from the CRM.
  defaults: { hs_email_direction: 'EMAIL' },
};
const meetings: Kind = {
  name: 'meetings',
  properties: ['hs_timestamp', 'hs_meeting_title', 'hs_meeting_start_time', 'hs_meeting_end_time'],
  defaults: {},
};
const notes: Kind = { name: 'notes', properties: ['hs_timestamp', 'hs_note_body'], defaults: {} };
const tasks: Kind = {
  name: 'tasks',
  properties: ['hs_timestamp', 'hs_task_subject', 'hs_task_status', 'hs_task_priority', 'hs_task_type'],
  defaults: {},
};

/** @see https://developers.hubspot.com/docs/api-reference/crm-calls-v3/guide */
export const createCallsApi = (send: Send, paths = apiPaths) => engagement(send, paths, calls);
/** An e-mail that is deleted through the API cannot be restored. Reading bodies needs `sales-email-read`. */
export const createEmailsApi = (send: Send, paths = apiPaths) => engagement(send, paths, emails);
export const createMeetingsApi = (send: Send, paths = apiPaths) => engagement(send, paths, meetings);
export const createNotesApi = (send: Send, paths = apiPaths) => engagement(send, paths, notes);
export const createTasksApi = (send: Send, paths = apiPaths) => engagement(send, paths, tasks);

/** Engagements are records that appear on a timeline at `hs_timestamp`, by default the current time. */
function engagement(send: Send, paths: typeof apiPaths, { name, properties, defaults }: Kind) {
  const records = createCrmObjects(send, { path: `${paths.objects.path}/${name}`, properties });
  const complete = (given: PropertyValues) => ({ hs_timestamp: new Date(), ...defaults, ...given });

  return {
    ...records,

    create: (given: PropertyValues, associations?: readonly NewAssociation[]): Promise<CrmRecord> =>
      records.create(complete(given), associations),

    batchCreate: (...[inputs, onProgress]: Parameters<typeof records.batchCreate>) =>
      records.batchCreate(
        inputs.map((input) => ({ ...input, properties: complete(input.properties) })),
        onProgress,
      ),
  };
}
