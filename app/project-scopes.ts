import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseJsonFile } from './base/json-file.ts';

export const APP_FILE = path.join(import.meta.dirname, '..', 'hubspot-project/src/app/app-hsmeta.json');

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
 * The scopes that the HubSpot project declares. A link to the consent may ask for no others.
 * @throws {Error} with the file's name.
 */
export function readProjectScopes(file = APP_FILE): { required: string[]; optional: string[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  const parsed = appFile.safeParse(parseJsonFile(file, text));
  if (!parsed.success) throw new Error(`${file} is not as HubSpot wants it: ${firstProblem(parsed.error)}`);
  const { requiredScopes, optionalScopes, conditionallyRequiredScopes } = parsed.data.config.auth;
  return { required: requiredScopes, optional: [...optionalScopes, ...conditionallyRequiredScopes] };
}

/** The `uid`s of the app event types that the HubSpot project declares, in the folder beside its app file. */
export function readProjectAppEvents(appFile = APP_FILE): string[] {
  const folder = path.join(path.dirname(appFile), 'app-events');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('-hsmeta.json'))
    .map((name) => path.join(folder, name))
    .map((file) =>
      z.looseObject({ uid: z.string() }).safeParse(parseJsonFile(file, readFileSync(file, 'utf8'))),
    )
    .flatMap(({ data }) => (data ? [data.uid] : []));
}

const firstProblem = ({ issues: [issue] }: z.ZodError) => `${issue?.path.join('.')}: ${issue?.message}`;
