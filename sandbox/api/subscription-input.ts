import { z } from 'zod';
import type { AppSettings } from '../state/app-settings.ts';
import { findObjectType } from '../state/object-types.ts';
import type { Subscription } from '../state/project.ts';
import { ApiError, type ErrorDetail, validationError } from './api-error.ts';

const changes = ['creation', 'deletion', 'merge', 'propertyChange', 'restore'];
const everywhere = (subject: string) => changes.map((change) => `${subject}.${change}`);

/** The 48 kinds of event of SPEC `SubscriptionCreateRequest`. */
const eventTypes: readonly string[] = [
  ...['contact', 'company', 'deal', 'ticket', 'line_item', 'object'].flatMap((subject) => [
    ...everywhere(subject),
    `${subject}.associationChange`,
  ]),
  ...everywhere('product'),
  'contact.privacyDeletion',
  ...['creation', 'deletion', 'newMessage', 'privacyDeletion', 'propertyChange'].map(
    (change) => `conversation.${change}`,
  ),
  'event.completed',
];

/** These change with every request, so HubSpot has no events for them. */
const silentProperties = ['num_unique_conversion_events', 'hs_lastmodifieddate'];

export const subscriptionCreate = z.object({
  eventType: z.string().refine((type) => eventTypes.includes(type), 'no such event type'),
  propertyName: z.string().min(1).optional(),
  objectTypeId: z.string().min(1).optional(),
  active: z.boolean().default(false),
});

/** Whether an account has the type is checked only when an event is sent. */
const CUSTOM_TYPE = /^2-\d+$/;
const anyCustomType = (id: string) => ({
  id,
  plural: `records of type ${id}`,
  readScopes: ['crm.objects.custom.read'],
});

/** The subscription in a request; throws 400 when HubSpot would reject it. */
export function newSubscription(
  { requiredScopes, optionalScopes }: AppSettings,
  { eventType, propertyName, objectTypeId, active }: z.infer<typeof subscriptionCreate>,
): Omit<Subscription, 'subscriptionId'> {
  const [subject = '', change] = eventType.split('.');
  const named = subject === 'object' ? (objectTypeId ?? '') : subject;
  const type = findObjectType(named) ?? (CUSTOM_TYPE.test(named) ? anyCustomType(named) : undefined);
  if (subject === 'object' && !type) throw refused('objectTypeId', 'is needed and must name an object type');
  if (change === 'propertyChange') {
    if (propertyName === undefined) throw refused('propertyName', 'is needed for property changes');
    if (silentProperties.includes(propertyName)) {
      throw refused('propertyName', `${propertyName} cannot be subscribed to`);
    }
  }
  const declared = [...requiredScopes, ...optionalScopes];
  if (type && !type.readScopes.some((scope) => declared.includes(scope))) {
    throw new ApiError(400, 'VALIDATION_ERROR', `The app lacks a scope to read ${type.plural}.`, {
      errors: [
        { message: 'missing scope', context: { requiredGranularScopes: [...type.readScopes] } },
      ] satisfies ErrorDetail[],
    });
  }
  return {
    subscriptionType: eventType,
    active,
    ...(change === 'propertyChange' && { propertyName }),
    ...(subject === 'object' && { objectType: type?.id }),
  };
}

function refused(field: string, message: string): ApiError {
  return validationError(`${field} ${message}.`, [{ message, code: 'INVALID_FIELD', in: field }]);
}
