export interface Exception {
  /** The source of the facts that contradict the description. */
  readonly reason: string;
  /** As `npm run contract` prints them; `*` matches any text. An unused exception is an error. */
  readonly differences: readonly string[];
}

/** Where HubSpot's descriptions contradict known facts, which app and sandbox follow. */
export const exceptions: readonly Exception[] = [
  {
    reason:
      "OAuth errors carry the keys of RFC 6749 beside HubSpot's older ones, not the common error body: changelog " +
      '"New OAuth v3 API endpoints and standardized error responses", January 2026.',
    differences: [
      "oauth *: POST /oauth/*/token → 400: answer must have required property 'category'",
      "oauth *: POST /oauth/*/token → 400: answer must have required property 'correlationId'",
    ],
  },
  {
    reason: 'The description of revocation lists errors only. Success has no body, as in v1 (204).',
    differences: ['oauth *: POST /oauth/*/token/revoke → 204: status is not described'],
  },
  {
    reason:
      'The description of tokens in 2026-09 lists errors only, too; the guide shows the answer of the versions before.',
    differences: ['oauth 2026-09: POST /oauth/2026-09/token → 200: status is not described'],
  },
  {
    reason:
      'HubSpot answers {"active": false} about a revoked token (developer community); RFC 7662 asks for no more.',
    differences: [
      'oauth *: POST /oauth/*/token/introspect → 200: answer fits none or several of the alternatives',
    ],
  },
  {
    reason:
      'HubSpot answers 207 when some inputs of a batch fail ("Batch partial success", multi-status errors). Most ' +
      'descriptions of v3, v4 and 2026-03 list it; those of 2026-09 hold its errors in the body and leave the ' +
      'status out, as every description of the default associations does.',
    differences: [
      '* 2026-09: POST /crm/objects/2026-09/{objectType}/batch/* → 207: status is not described',
      '* 2026-09: POST /crm/associations/2026-09/{fromObjectType}/{toObjectType}/batch/* → 207: status is not described',
      '* 2026-09: POST /crm/associations/2026-09/definitions/configurations/*/batch/* → 207: status is not described',
      'associations *: POST */batch/associate/default → 207: status is not described',
    ],
  },
  {
    reason:
      'The guide to the search API gives a sort as an object with propertyName and direction; the descriptions of ' +
      'every version call it a string.',
    differences: ['*: POST */search → 200: request/sorts/0 must be string'],
  },
  {
    reason:
      'A property without a value is null in every version; the descriptions of 2026-09 say so, the older ones do not.',
    differences: [
      '* 2026-03: * → 20*: answer*/properties/* must be string',
      '* v3: * → 20*: answer*/properties/* must be string',
    ],
  },
  {
    reason:
      'The guide to error handling shows subCategory as text ("crm.associations.NO_ASSOCIATIONS_FOUND"); the ' +
      'descriptions call it an object.',
    differences: ['*: POST */batch/* → 207: answer/errors/*/subCategory must be object'],
  },
  {
    reason:
      'The guide to associations reads those of one record at this path in every dated version, as the description ' +
      'of 2026-03 does; that of 2026-09 leaves it out.',
    differences: ['associations: GET /crm/objects/2026-09/*/associations/companies is not described'],
  },
  {
    reason: 'The plain association has the label null in every example of the guide to associations.',
    differences: [
      'associations* → 20*: answer/results/*/label must be string',
      'associationsSchema* → 200: answer/results/*/label must be string',
    ],
  },
  {
    reason:
      'The descriptions at hand hold none of lists; app and sandbox follow the guide to segments and the reference ' +
      'of the lists API in 2026-09.',
    differences: ['lists: * /crm/lists/2026-09/* is not described'],
  },
  {
    reason: "HubSpot's collection of descriptions holds none of owners and of custom object types.",
    differences: [
      'owners: GET /crm/owners/2026-09* is not described',
      'schemas: GET /crm-object-schemas/2026-03/schemas* is not described',
    ],
  },
  {
    reason:
      "HubSpot's collection of descriptions holds none of private apps. Their token info is in wide use: its request " +
      'and answer are those that public integrations send and read.',
    differences: ['accessTokens: POST /oauth/v2/private-apps/get/access-token-info is not described'],
  },
];

/** The differences without an exception, and the unused exceptions. */
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
