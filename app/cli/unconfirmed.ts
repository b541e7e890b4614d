import { HubSpotError } from '../hubspot/client/errors.ts';
import { ProblemError } from './command.ts';
import { type ObjectGroup, type TypeOptions, typeOf } from './object-group.ts';
import type { PortalOptions } from './portal-calls.ts';
import { explainRefusal } from './refusal.ts';

/** HubSpot did not confirm a request that is not idempotent, and may have processed it. Exit code 2. */
export class UnconfirmedError extends ProblemError {}

/** Unlike after 1, the user must check before running the command again. */
export const UNCONFIRMED_EXIT_CODE = 2;

export const isUnconfirmed = (error: unknown): error is Error =>
  error instanceof UnconfirmedError || (error instanceof HubSpotError && error.maybeDone);

export const explainUnconfirmed = (error: Error): string =>
  error instanceof HubSpotError
    ? `${explainRefusal(error)}\nUnconfirmed: it may have been processed. Check before you run the command again.`
    : error.message;

/** For creating one record, with the command that shows whether it exists. */
export const unconfirmedCreation = (error: HubSpotError, type: ObjectGroup, options: TypeOptions) =>
  new UnconfirmedError(
    `${explainRefusal(error)}\nUnconfirmed: the ${type.singular} may have been created. ${howToCheck(type, options, 5)}`,
  );

/**
 * Error handler of a call: if the call is unconfirmed, names the command that shows whether it was processed.
 * @param command without its `npm run hubspot --`.
 */
export const orLookWith =
  (command: string, { portal }: PortalOptions) =>
  (error: unknown): never => {
    if (!(error instanceof HubSpotError) || !error.maybeDone) throw error;
    const where = portal === undefined ? '' : ` --portal ${portal}`;
    throw new UnconfirmedError(
      `${explainRefusal(error)}\nUnconfirmed: it may have been processed. Before you run the command again, wait a few ` +
        `seconds (HubSpot’s search is delayed) and check:\n  npm run hubspot -- ${command}${where}`,
    );
  };

/** Types with the property `createdate` instead of `hs_createdate`. */
const OLDEST: ReadonlySet<string> = new Set(['contacts', 'companies', 'deals', 'tickets']);

/** @param count how many records to look for. */
export function howToCheck({ area }: ObjectGroup, options: TypeOptions, count: number): string {
  const { portal } = options;
  const typed = area === 'objects' ? ` --type ${options.type}` : '';
  const created = OLDEST.has(area) ? 'createdate' : 'hs_createdate';
  const where = portal === undefined ? '' : ` --portal ${portal}`;
  return `Before you create again, wait a few seconds (HubSpot’s search is delayed) and check the newest ${typeOf({ area }, options)}:
  npm run hubspot -- ${area} search${typed} --sort -${created} --limit ${count}${where}`;
}
