export interface Exception {
  /** Where the facts stand that speak against the description. */
  readonly reason: string;
  /** As `npm run contract` prints them; `*` stands for any text. One that no longer occurs is an error. */
  readonly differences: readonly string[];
}

/** Where HubSpot's descriptions and what is known of HubSpot disagree, and app and sandbox follow what is known. */
export const exceptions: readonly Exception[] = [
  {
    reason:
      "OAuth errors carry the keys of RFC 6749 beside HubSpot's older ones, not the common error body: changelog " +
      '"New OAuth v3 API endpoints and standardized error responses", January 2026.',
    differences: [
      "oauth 2026-03: POST /oauth/2026-03/token → 400: answer must have required property 'category'",
      "oauth 2026-03: POST /oauth/2026-03/token → 400: answer must have required property 'correlationId'",
    ],
  },
  {
    reason: 'The description of revocation lists errors only. Success has no body, as in v1 (204).',
    differences: ['oauth 2026-03: POST /oauth/2026-03/token/revoke → 204: status is not described'],
  },
  {
    reason:
      'HubSpot answers {"active": false} about a revoked token (developer community); RFC 7662 asks for no more.',
    differences: [
      'oauth 2026-03: POST /oauth/2026-03/token/introspect → 200: answer fits none or several of the alternatives',
    ],
  },
];

/** Which differences no exception covers, and which exceptions cover nothing. */
export function withoutExceptions(found: readonly string[], known: readonly Exception[]) {
  const patterns = known
    .flatMap(({ differences }) => differences)
    .map((text) => ({ text, pattern: wildcard(text) }));
  return {
    unlisted: found.filter((difference) => !patterns.some(({ pattern }) => pattern.test(difference))),
    outdated: patterns.filter(({ pattern }) => !found.some((it) => pattern.test(it))).map(({ text }) => text),
  };
}

const wildcard = (text: string) =>
  new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'))
      .join('.*')}$`,
  );
