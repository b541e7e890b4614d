import { HubSpotError } from '../hubspot/client/errors.ts';
import { ProblemError } from './command.ts';
import { type ObjectGroup, type TypeOptions, typeOf } from './object-group.ts';
import type { PortalOptions } from './portal-calls.ts';
import { explainRefusal } from './refusal.ts';

/** HubSpot may have carried out what must not be done twice, and did not confirm it. Ends with exit code 2. */
export class UnconfirmedError extends ProblemError {}

/** Whoever runs a command again after a failure (1) must look first after this. */
export const UNCONFIRMED_EXIT_CODE = 2;

export const isUnconfirmed = (error: unknown): error is Error =>
  error instanceof UnconfirmedError || (error instanceof HubSpotError && error.maybeDone);

export const explainUnconfirmed = (error: Error): string =>
  error instanceof HubSpotError
    ? `${explainRefusal(error)}\nUnconfirmed: it may have been carried out. Look before you run the command again.`
    : error.message;

/** Says of the creation of one record how to find out whether it is there. */
export const unconfirmedCreation = (error: HubSpotError, type: ObjectGroup, options: TypeOptions) =>
  new UnconfirmedError(
    `${explainRefusal(error)}\nUnconfirmed: the ${type.singular} may have been created. ${howToCheck(type, options, 5)}`,
  );

/**
 * For what a call throws: where HubSpot left it open whether it was carried out, the command that shows it.
 * @param command without its `npm run hubspot --`.
 */
export const orLookWith =
  (command: string, { portal }: PortalOptions) =>
  (error: unknown): never => {
    if (!(error instanceof HubSpotError) || !error.maybeDone) throw error;
    const where = portal === undefined ? '' : ` --portal ${portal}`;
    throw new UnconfirmedError(
      `${explainRefusal(error)}\nUnconfirmed: it may have been carried out. Before you run the command again, wait some ` +
        `seconds (HubSpot’s search is late) and look:\n  npm run hubspot -- ${command}${where}`,
    );
  };

/** HubSpot calls the time of creation of its four oldest types otherwise than that of all others. */
const OLDEST: ReadonlySet<string> = new Set(['contacts', 'companies', 'deals', 'tickets']);

/** @param count of the records that are looked for. */
export function howToCheck({ area }: ObjectGroup, options: TypeOptions, count: number): string {
  const { portal } = options;
  const typed = area === 'objects' ? ` --type ${options.type}` : '';
  const created = OLDEST.has(area) ? 'createdate' : 'hs_createdate';
  const where = portal === undefined ? '' : ` --portal ${portal}`;
  return `Before you create again, wait some seconds (HubSpot’s search is late) and look at the newest ${typeOf({ area }, options)}:
  npm run hubspot -- ${area} search${typed} --sort -${created} --limit ${count}${where}`;
}
