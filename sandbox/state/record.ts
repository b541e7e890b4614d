import type { ObjectType } from './object-types.ts';

/** The source of a change, as in HubSpot's webhook events. */
export interface ChangeSource {
  changeSource: 'CRM_UI' | 'INTEGRATION';
  sourceId: string;
}

export interface PropertyVersion {
  value: string;
  timestamp: string;
  sourceType: string;
  sourceId: string;
}

/** A CRM record of any type. Times are wall-clock epoch ms. */
export interface CrmRecord {
  id: string;
  portalId: number;
  type: ObjectType;
  properties: Record<string, string>;
  /** Newest first. */
  history: Record<string, PropertyVersion[]>;
  createdAt: number;
  updatedAt: number;
  archivedAt?: number;
  /** Ids of records that were merged into this one. */
  mergedIds: string[];
}

export type ChangeKind =
  | 'creation'
  | 'propertyChange'
  | 'deletion'
  | 'privacyDeletion'
  | 'merge'
  | 'restore'
  | 'associationChange';

export interface RecordChange extends ChangeSource {
  kind: ChangeKind;
  portalId: number;
  type: ObjectType;
  objectId: string;
  occurredAt: number;
  /** Fields that this kind of change adds to the webhook event. */
  details: Record<string, unknown>;
  /** Fields only in events of generic subscriptions. */
  genericDetails?: Record<string, unknown>;
  /** The type on the other side of an association. */
  otherType?: ObjectType;
}
