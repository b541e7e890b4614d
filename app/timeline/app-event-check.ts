import { z } from 'zod';
import { aName, knownFields, problemOf, reportProblem, sharedNames } from '../base/definition-check.ts';
import type { AppEvent } from './app-event.ts';

const appEventShape = knownFields({
  name: aName,
  objectType: z.enum(['CONTACT', 'COMPANY', 'DEAL', 'TICKET'], {
    error: 'is not CONTACT, COMPANY, DEAL or TICKET',
  }),
  properties: z.record(z.string(), z.looseObject({}), 'is not a list of properties'),
});

/** The problems of a vendor's app events, each with its place and name. */
export const appEventProblems = (appEvents: readonly AppEvent[]): string[] => [
  ...appEvents.flatMap((event, index) =>
    reportProblem('app event', event, index, problemOf(appEventShape, event)),
  ),
  ...sharedNames('app events', appEvents),
];
