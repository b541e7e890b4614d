import path from 'node:path';
import { Job as Clock } from 'node-schedule';
import { z } from 'zod';
import { PUBLISHED_SCOPES } from './hubspot/published-scopes.ts';
import type { Integration } from './integration.ts';
import { type AnyJob, JobPayloadError, parsePayload, type ScheduledJob } from './jobs/index.ts';
import { APP_FILE, readProjectAppEvents, readProjectScopes } from './project-scopes.ts';
import {
  aFunction,
  knownFields,
  problemOf,
  RegistryError,
  registryProblems,
  sharedNames,
  told,
} from './registry-check.ts';

const PUBLISHED = new Set<string>(PUBLISHED_SCOPES);

const name = z.string('is not a text').regex(/^[\w-]{1,80}$/, 'has to be 1 to 80 letters, digits, - and _');

const jobShape = knownFields({
  name,
  payload: z
    .custom(
      (schema) => typeof (schema as AnyJob['payload'])?.['~standard']?.validate === 'function',
      'is not a schema, such as one of zod',
    )
    .optional(),
  maxAttempts: z.int('is not a whole number').min(1, 'is less than 1').optional(),
  run: aFunction,
});

const appEventShape = knownFields({
  name,
  objectType: z.enum(['CONTACT', 'COMPANY', 'DEAL', 'TICKET'], {
    error: 'is not CONTACT, COMPANY, DEAL or TICKET',
  }),
  properties: z.record(z.string(), z.looseObject({}), 'is not a list of properties'),
});

interface Against {
  /** Names of handlers that are not the vendor's. */
  readonly builtIn: readonly string[];
  readonly projectFile?: string;
}

/**
 * Whether this server can work with a vendor's definition, also with one written in JavaScript, or cast.
 * @throws {RegistryError} naming each definition that is wrong, where it is, and why.
 */
export async function checkIntegration(
  { handlers, cards, jobs, appEvents, schedule, ...definition }: Integration,
  { builtIn, projectFile = APP_FILE }: Against,
): Promise<void> {
  const problems = [
    ...(z.string().min(1).safeParse(definition.name).success ? [] : ['name: the integration has no name.']),
    ...registryProblems(handlers, cards, builtIn),
    ...jobs.flatMap((job, index) => told('job', job, index, problemOf(jobShape, job))),
    ...sharedNames('jobs', jobs),
    ...appEvents.flatMap((event, index) => told('app event', event, index, problemOf(appEventShape, event))),
    ...sharedNames('app events', appEvents),
    ...undeclaredAppEvents(appEvents, projectFile),
    ...(await scheduleProblems(schedule, jobs)),
    ...scopeProblems([...definition.scopes, ...definition.optionalScopes], projectFile),
  ];
  if (problems.length > 0) throw new RegistryError(problems);
}

/** HubSpot rejects events of a type that the project does not declare. */
function undeclaredAppEvents(appEvents: Integration['appEvents'], projectFile: string): string[] {
  if (appEvents.length === 0) return [];
  try {
    const declared = readProjectAppEvents(projectFile);
    const folder = `${path.dirname(projectFile)}/app-events`;
    return appEvents.flatMap((event, index) =>
      declared.includes(event.name)
        ? []
        : told(
            'app event',
            event,
            index,
            `no file in ${folder} has this uid: HubSpot would reject the events.`,
          ),
    );
  } catch (error) {
    return [(error as Error).message];
  }
}

async function scheduleProblems(
  schedule: readonly ScheduledJob[],
  jobs: Integration['jobs'],
): Promise<string[]> {
  const problems = schedule.map(async ({ job, cron, payload }, index) => {
    const where = `schedule number ${index + 1} (${job?.name}): `;
    if (!jobs.includes(job)) return `${where}its job is not in \`jobs\`, so nothing would run it.`;
    if (!isCron(cron)) return `${where}"${cron}" is not a cron line, such as 0 6 * * 1-5.`;
    try {
      await parsePayload(job, payload);
      return [];
    } catch (error) {
      return `${where}${error instanceof JobPayloadError ? error.message : `its schema failed: ${error}`}`;
    }
  });
  return (await Promise.all(problems)).flat();
}

function isCron(rule: unknown): boolean {
  const clock = new Clock(() => {});
  try {
    return typeof rule === 'string' && clock.schedule({ rule });
  } catch {
    return false;
  } finally {
    clock.cancel();
  }
}

/** HubSpot rejects an install link that asks for a scope which the project does not declare. */
function scopeProblems(asked: readonly string[], projectFile: string): string[] {
  if (asked.length === 0) return [];
  try {
    const { required, optional } = readProjectScopes(projectFile);
    const declared = new Set([...required, ...optional]);
    return [...new Set(asked)]
      .filter((scope) => !declared.has(scope))
      .map((scope) =>
        PUBLISHED.has(scope)
          ? `integration/index.ts asks for the scope ${scope}, which ${projectFile} does not declare: HubSpot would ` +
            'refuse every install. Add it there, or remove it here.'
          : `integration/index.ts asks for the scope ${scope}, which neither HubSpot documents nor ${projectFile} ` +
            'declares: HubSpot would refuse every install. Correct its name, or remove it.',
      );
  } catch (error) {
    return [(error as Error).message];
  }
}
