import { createHash, randomBytes } from 'node:crypto';

export const STATE_LIFETIME_MS = 10 * 60 * 1000;

/** A state for one trip to HubSpot and back: 32 random bytes. */
export const createState = () => randomBytes(32).toString('base64url');

/** What the database keeps of a state. It is random, so a plain hash cannot be searched. */
export const hashState = (state: string) => createHash('sha256').update(state).digest();
