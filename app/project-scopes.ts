import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseJsonFile } from './base/json-file.ts';

const ROOT = path.join(import.meta.dirname, '..');
export const APP_FILE = path.join(ROOT, 'hubspot-project/src/app/app-hsmeta.json');

/** A path in messages: relative to the project's folder if it is inside. */
export function displayPath(file: string): string {
  const relative = path.relative(ROOT, file);
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}

const scopes = z.array(z.string());
const appFile = z.looseObject({
  config: z.looseObject({
    auth: z.looseObject({
      requiredScopes: scopes,
      optionalScopes: scopes.default([]),
      conditionallyRequiredScopes: scopes.default([]),
    }),
  }),
});

/**
 * The scopes that the HubSpot project declares. Install links may request no others.
 * @throws {Error} with the file's name.
 */
export function readProjectScopes(file = APP_FILE): { required: string[]; optional: string[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${displayPath(file)} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  const parsed = appFile.safeParse(parseJsonFile(displayPath(file), text));
  if (!parsed.success)
    throw new Error(`${displayPath(file)} is not valid for HubSpot: ${firstProblem(parsed.error)}`);
  const { requiredScopes, optionalScopes, conditionallyRequiredScopes } = parsed.data.config.auth;
  return { required: requiredScopes, optional: [...optionalScopes, ...conditionallyRequiredScopes] };
}

/** The `uid`s of the app event types that the HubSpot project declares, in the folder next to its app file. */
export function readProjectAppEvents(appFile = APP_FILE): string[] {
  const folder = path.join(path.dirname(appFile), 'app-events');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('-hsmeta.json'))
    .map((name) => path.join(folder, name))
    .map((file) =>
      z
        .looseObject({ uid: z.string() })
        .safeParse(parseJsonFile(displayPath(file), readFileSync(file, 'utf8'))),
    )
    .flatMap(({ data }) => (data ? [data.uid] : []));
}

const firstProblem = ({ issues: [issue] }: z.ZodError) => `${issue?.path.join('.')}: ${issue?.message}`;
