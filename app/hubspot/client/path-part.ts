/**
 * A record's id, a type or an e-mail address as one part of a path. `@` is not encoded, which is legal: HubSpot has
 * answered 404 to `jane%40example.com` and found `jane@example.com`. `+` is encoded, because some servers decode it as a space.
 */
export const pathPart = (text: string): string => encodeURIComponent(text).replaceAll('%40', '@');
