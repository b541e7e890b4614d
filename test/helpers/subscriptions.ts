import { readFileSync } from 'node:fs';
import path from 'node:path';
import { wantedSubscriptions } from '../../app/webhooks/subscriptions/wanted.ts';
import { PROJECT, webhookHandlers } from './vendor.ts';

interface Declared {
  readonly subscriptionType: string;
  readonly propertyName?: string;
}

const FILE = path.join(PROJECT, 'src/app/webhooks/webhooks-hsmeta.json');

/** What the HubSpot project declares. */
export function declaredSubscriptions(): Declared[] {
  const { subscriptions } = JSON.parse(readFileSync(FILE, 'utf8')).config;
  return Object.values(subscriptions as Record<string, Declared[]>).flat();
}

/** What the app's handlers want, its own included. */
export const appSubscriptions = () => {
  const wanted = wantedSubscriptions(webhookHandlers);
  const erasing = { eventType: 'contact.privacyDeletion' };
  return wanted.some(({ eventType }) => eventType === erasing.eventType) ? wanted : [...wanted, erasing];
};
