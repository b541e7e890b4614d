import { Job as Clock } from 'node-schedule';
import { z } from 'zod';
import {
  aFunction,
  aName,
  knownFields,
  problemOf,
  reportProblem,
  sharedNames,
} from '../base/definition-check.ts';
import { type AnyJob, JobPayloadError, parsePayload, type ScheduledJob } from './job.ts';

const jobShape = knownFields({
  name: aName,
  payload: z
    .custom(
      (schema) => typeof (schema as AnyJob['payload'])?.['~standard']?.validate === 'function',
      'is not a schema, such as one of zod',
    )
    .optional(),
  maxAttempts: z.int('is not a whole number').min(1, 'is less than 1').optional(),
  run: aFunction,
});

/** The problems of a vendor's jobs and of their schedule, each with its place and name. */
export const jobProblems = async (
  jobs: readonly AnyJob[],
  schedule: readonly ScheduledJob[],
): Promise<string[]> => [
  ...jobs.flatMap((job, index) => reportProblem('job', job, index, problemOf(jobShape, job))),
  ...sharedNames('jobs', jobs),
  ...(await scheduleProblems(schedule, jobs)),
];

async function scheduleProblems(
  schedule: readonly ScheduledJob[],
  jobs: readonly AnyJob[],
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
