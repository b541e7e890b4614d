import path from 'node:path';
import { z } from 'zod';
import { reportProblem } from './base/definition-check.ts';
import { cardProblems } from './cards/index.ts';
import { PUBLISHED_SCOPES } from './hubspot/published-scopes.ts';
import type { Integration } from './integration.ts';
import { jobProblems } from './jobs/index.ts';
import { APP_FILE, displayPath, readProjectAppEvents, readProjectScopes } from './project-scopes.ts';
import { appEventProblems } from './timeline/index.ts';
import { BUILT_IN_HANDLERS, handlerProblems } from './webhooks/index.ts';

const PUBLISHED = new Set<string>(PUBLISHED_SCOPES);

/** An integration with which this server cannot run; the message contains every problem. */
export class IntegrationError extends Error {
  override readonly name = 'IntegrationError';

  constructor(problems: readonly string[]) {
    super(`The integration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Checks a vendor's definition. The compiler checks the same in TypeScript; this is for definitions that are written in
 * JavaScript, or cast.
 * @param projectFile the app's file in the HubSpot project.
 * @throws {IntegrationError} naming each invalid definition, its place, and the reason.
 */
export async function checkIntegration(
  { name, handlers, cards, jobs, appEvents, schedule, scopes, optionalScopes }: Integration,
  projectFile = APP_FILE,
): Promise<void> {
  const problems = [
    ...(z.string().min(1).safeParse(name).success ? [] : ['name: the integration has no name.']),
    ...handlerProblems(handlers, BUILT_IN_HANDLERS),
    ...cardProblems(cards),
    ...(await jobProblems(jobs, schedule)),
    ...appEventProblems(appEvents),
    ...undeclaredAppEvents(appEvents, projectFile),
    ...undeclaredScopes([...scopes, ...optionalScopes], projectFile),
  ];
  if (problems.length > 0) throw new IntegrationError(problems);
}

/** HubSpot rejects events of a type that the project does not declare. */
function undeclaredAppEvents(appEvents: Integration['appEvents'], projectFile: string): string[] {
  if (appEvents.length === 0) return [];
  const folder = displayPath(path.join(path.dirname(projectFile), 'app-events'));
  const problem = `no file in ${folder} has this uid: HubSpot would reject the events.`;
  return fromProject(() => {
    const declared = readProjectAppEvents(projectFile);
    return appEvents.flatMap((event, index) =>
      declared.includes(event?.name) ? [] : reportProblem('app event', event, index, problem),
    );
  });
}

/** HubSpot rejects an install link with a scope that the project does not declare. */
function undeclaredScopes(requested: readonly string[], projectFile: string): string[] {
  if (requested.length === 0) return [];
  const file = displayPath(projectFile);
  return fromProject(() => {
    const { required, optional } = readProjectScopes(projectFile);
    const declared = new Set([...required, ...optional]);
    return [...new Set(requested)]
      .filter((scope) => !declared.has(scope))
      .map((scope) =>
        PUBLISHED.has(scope)
          ? `integration/index.ts requests the scope ${scope}, which ${file} does not declare: HubSpot would reject ` +
            'every install. Add it there, or remove it here.'
          : `integration/index.ts requests the scope ${scope}, which neither HubSpot documents nor ${file} declares: ` +
            'HubSpot would reject every install. Correct its name, or remove it.',
      );
  });
}

/** A project that cannot be read is a problem of the integration. */
function fromProject(check: () => string[]): string[] {
  try {
    return check();
  } catch (error) {
    return [(error as Error).message];
  }
}
