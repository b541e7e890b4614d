import { z } from 'zod';
import type { AppSettings } from '../state/app-settings.ts';

/** The query of an authorize URL; the consent form posts the same fields. */
export const authorizeFields = z.object({
  client_id: z.string().default(''),
  redirect_uri: z.string().default(''),
  scope: z.string().default(''),
  optional_scope: z.string().default(''),
  state: z.string().optional(),
});

export type AuthorizeFields = z.infer<typeof authorizeFields>;

/** The error of HubSpot's consent page, or undefined. */
export function authorizeProblem(app: AppSettings, fields: AuthorizeFields): string | undefined {
  if (fields.client_id !== app.clientId) {
    return `No app has the client id "${fields.client_id}". Check the client_id in the link.`;
  }
  if (!app.redirectUrls.includes(fields.redirect_uri)) {
    return `The redirect_uri "${fields.redirect_uri}" is not one of the app's redirect URLs: ${app.redirectUrls.join(', ')}.`;
  }
  const scopes = scopeList(fields.scope);
  const missing = app.requiredScopes.filter((scope) => !scopes.includes(scope));
  if (missing.length > 0) {
    return `The scope parameter lacks scopes that the app requires: ${missing.join(', ')}.`;
  }
  const declared = [...app.requiredScopes, ...app.optionalScopes];
  const undeclared = [...scopes, ...scopeList(fields.optional_scope)].filter(
    (scope) => !declared.includes(scope),
  );
  if (undeclared.length > 0) {
    return `The link asks for scopes that the app does not declare: ${undeclared.join(', ')}.`;
  }
  return undefined;
}

/** The scopes that an approval grants: the requested ones and, because the portals have every tier, the optional ones. */
export function grantedScopes(fields: AuthorizeFields): string[] {
  return [...new Set([...scopeList(fields.scope), ...scopeList(fields.optional_scope)])];
}

export function scopeList(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
