/**
 * A record's id, a type or an e-mail address as one part of a path. `@` stays as it is, which is as legal: HubSpot has
 * answered 404 to `jane%40example.com` and found `jane@example.com`. `+` is encoded, as some read it as a blank.
 */
export const pathPart = (text: string): string => encodeURIComponent(text).replaceAll('%40', '@');
