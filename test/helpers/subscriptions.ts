import { readFileSync } from 'node:fs';
import path from 'node:path';
import { wantedSubscriptions } from '../../app/webhooks/subscriptions/wanted.ts';
import { PROJECT, webhookHandlers } from './vendor.ts';

interface Declared {
  readonly subscriptionType: string;
  readonly propertyName?: string;
}

const FILE = path.join(PROJECT, 'src/app/webhooks/webhooks-hsmeta.json');

/** The subscriptions of the HubSpot project. */
export function declaredSubscriptions(): Declared[] {
  const { subscriptions } = JSON.parse(readFileSync(FILE, 'utf8')).config;
  return Object.values(subscriptions as Record<string, Declared[]>).flat();
}

/** The subscriptions of the handlers, including the built-in ones. */
export const appSubscriptions = () => {
  const wanted = wantedSubscriptions(webhookHandlers);
  const erasing = { eventType: 'contact.privacyDeletion' };
  return wanted.some(({ eventType }) => eventType === erasing.eventType) ? wanted : [...wanted, erasing];
};
