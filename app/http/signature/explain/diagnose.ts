import { maskEmails } from '../../../base/logger.ts';
import {
  isSignatureOf,
  MAX_CLOCK_SKEW_MS,
  type SignatureProblem,
  type SignatureVersion,
  type SignedParts,
} from '../signature.ts';
import { type Address, acceptedBases, type SignedForm, signedForms } from '../signed-forms.ts';

/** Kinds of routes that HubSpot calls; which signature versions each accepts is set for each. */
export type SignedRoute = 'webhook' | 'card' | 'eventDetails';

/** What is wrong with a body that therefore was not read; codes of the answers. */
const BODY_PROBLEMS = {
  body_too_large: 'The body is larger than this route takes, so its signature was not checked.',
  unsupported_encoding:
    'The body came compressed, so its signature was not checked. HubSpot compresses none: if it sent this, a proxy did.',
} as const;

type BodyProblem = keyof typeof BODY_PROBLEMS;

export const isBodyProblem = (code: string): code is BodyProblem => code in BODY_PROBLEMS;

/** Of what is signed, but may have been cut elsewhere between address and body. */
const NOT_AS_SENT: Readonly<Record<SignedRoute, Diagnosis>> = {
  webhook: {
    finding:
      'Its signature is right, but it is no delivery: a card of yours called /webhook, or somebody altered a signed ' +
      'request.',
  },
  card: {
    finding:
      'Its signature is right, but HubSpot sends cards and actions otherwise: whole name=value pairs, and JSON or the ' +
      'same pairs as body. A card of yours sends something else, or somebody altered a signed request.',
  },
  eventDetails: {
    finding:
      'Its signature is right, but HubSpot asks for event details otherwise: whole name=value pairs and no body.',
  },
};

/** A request that was not let in. */
export interface Refusal {
  readonly reason: SignatureProblem | BodyProblem | 'not_as_hubspot_sends';
  readonly route: SignedRoute;
  readonly accepted: readonly SignatureVersion[];
  readonly parts: SignedParts;
  readonly address: Address;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface Diagnosis {
  /** What is wrong, for an operator. Holds no body, no query and no secret. */
  readonly finding: string;
  /** The one thing to change; undefined when that cannot be told. */
  readonly setting?: string | undefined;
}

/** The work that one diagnosis may cost: some ten milliseconds. */
const MOST_TRIES = 2_000;
const MOST_BYTES = 16 * 1024 * 1024;

const PROXY = 'proxy in front of this server';
const CLOCK = 'clock of this server';
const VERSION_SETTING = {
  webhook: 'WEBHOOK_SIGNATURE_VERSIONS',
  card: 'CARD_SIGNATURE_VERSIONS',
  eventDetails: 'EVENT_DETAILS_SIGNATURE_VERSIONS',
} as const;

export const isVersionSetting = (setting: string): boolean =>
  (Object.values(VERSION_SETTING) as string[]).includes(setting);

/** A signature that the request carries. */
interface Claim {
  readonly version: SignatureVersion;
  readonly given: string;
  readonly timestamp: string;
  /** False when the version header is missing or names none. */
  readonly declared: boolean;
}

interface Match {
  readonly claim: Claim;
  readonly form: SignedForm;
  /** Made with a client secret that is no longer configured. */
  readonly former: boolean;
}

/**
 * Finds out what would have made a refused request's signature right. Only a signature that then is right counts, so
 * nothing is claimed about requests from whoever does not hold a client secret.
 * @param former client secrets that were configured before.
 */
export function diagnose(
  refusal: Refusal,
  secrets: { readonly configured: readonly string[]; readonly former: readonly string[] },
): Diagnosis {
  if (isBodyProblem(refusal.reason)) return { finding: BODY_PROBLEMS[refusal.reason] };
  if (refusal.reason === 'not_as_hubspot_sends') return NOT_AS_SENT[refusal.route];
  const [judged, ...beside] = claimsOf(refusal.parts.headers);
  if (!judged || refusal.reason === 'no_signature') {
    return { finding: 'No signature: HubSpot did not send it, or a proxy drops the X-HubSpot-* headers.' };
  }
  const budget = { tries: MOST_TRIES, bytes: MOST_BYTES };
  const search = (claim: Claim) => findMatch(claim, refusal, secrets, budget);
  const match = search(judged);
  if (match) return explain(match, refusal);
  for (const claim of beside) {
    const right = search(claim);
    if (right) return explainBeside(right, judged, refusal);
  }
  const cut =
    budget.tries <= 0 || budget.bytes <= 0 ? ' Not every form was tried: the request is large.' : '';
  return {
    finding:
      'Nothing that this server knows makes the signature right: the body was changed on the way, it was made with ' +
      `a client secret that this server never had (another app's?), or HubSpot did not send it.${cut}`,
  };
}

/** The one that decides comes first. */
function claimsOf({ signature, signatureVersion, signatureV3, timestamp = '' }: SignedParts['headers']) {
  const claims: Claim[] = [];
  if (signatureV3 !== undefined) {
    claims.push({ version: 'v3', given: signatureV3, timestamp, declared: true });
  }
  if (signature !== undefined) {
    const declared = signatureVersion === 'v1' || signatureVersion === 'v2';
    const versions: SignatureVersion[] = declared ? [signatureVersion] : ['v1', 'v2'];
    claims.push(...versions.map((version) => ({ version, given: signature, timestamp, declared })));
  }
  return claims;
}

function findMatch(
  claim: Claim,
  { parts, address }: Refusal,
  { configured, former }: { configured: readonly string[]; former: readonly string[] },
  budget: { tries: number; bytes: number },
): Match | undefined {
  const { version, given, timestamp } = claim;
  const tried = [
    ...configured.map((secret) => ({ secret, former: false })),
    ...former.map((secret) => ({ secret, former: true })),
  ];
  for (const form of signedForms(address, version)) {
    for (const { secret, former } of tried) {
      if (budget.tries <= 0 || budget.bytes <= 0) return undefined;
      budget.tries -= 1;
      budget.bytes -= parts.rawBody.length + form.url.length;
      const url = form.url;
      if (isSignatureOf({ ...parts, url }, version, secret, given, timestamp)) return { claim, form, former };
    }
    // No address is part of a v1 signature.
    if (version === 'v1') return undefined;
  }
  return undefined;
}

function explain({ claim, form, former }: Match, refusal: Refusal): Diagnosis {
  const { target } = refusal.address;
  const signed = withoutQuery(form.url);
  if (former) {
    const also =
      form.deviation === 'none' ? '' : ` It signs another address than this server's, too: ${signed}.`;
    return {
      finding:
        'It is signed with a client secret that was configured before and is no longer. While HubSpot uses it, put it ' +
        `back into HUBSPOT_CLIENT_SECRET, after the newer one and a comma.${also}`,
      setting: 'HUBSPOT_CLIENT_SECRET',
    };
  }
  const setting = urlSetting(refusal);
  const [base] = acceptedBases(refusal.address);
  switch (form.deviation) {
    case 'base': {
      const instead =
        refusal.route === 'webhook' && setting === 'SERVER_URL'
          ? ' If only webhooks come there, set WEBHOOK_URL instead.'
          : '';
      return {
        finding: `HubSpot signs ${signed}; ${setting} is ${base}. Set it to ${form.base}.${instead}`,
        setting,
      };
    }
    case 'path':
      return {
        finding: `HubSpot signs ${signed}, and ${withoutQuery(target)} arrived: a proxy rewrites the path.`,
        setting: PROXY,
      };
    case 'query':
      return {
        finding:
          'HubSpot signs the same address with another query: a proxy reorders, adds or drops parameters.',
        setting: PROXY,
      };
    case 'encoding':
      return {
        finding:
          'HubSpot signs the same address in another percent-encoding: a proxy decodes or re-encodes it.',
        setting: PROXY,
      };
    case 'none':
      return explainRightSignature(claim, refusal);
    default:
      return form.deviation satisfies never;
  }
}

/** Address, body and secret are right; what else kept the request out? */
function explainRightSignature({ version, timestamp, declared }: Claim, refusal: Refusal): Diagnosis {
  if (!declared) {
    return {
      finding: `Its ${version} signature is right, but X-HubSpot-Signature-Version does not say ${version}: a proxy drops or alters it.`,
      setting: PROXY,
    };
  }
  if (!refusal.accepted.includes(version)) {
    const setting = VERSION_SETTING[refusal.route];
    const accepted = refusal.accepted.join(', ');
    return {
      finding:
        `Its ${version} signature is right, but this route accepts ${accepted}. ` +
        (version === 'v3'
          ? ''
          : `HubSpot signs every request in v3, too: look for a proxy that drops X-HubSpot-Signature-v3. ${version} covers less. To accept it all the same: `) +
        `Add ${version} to ${setting}.`,
      setting,
    };
  }
  if (refusal.reason === 'timestamp_malformed') {
    return {
      finding:
        'Its signature is right, but X-HubSpot-Request-Timestamp is not in milliseconds, as HubSpot sends it: 13 digits.',
    };
  }
  const age = refusal.at - Number(timestamp);
  if (Math.abs(age) <= MAX_CLOCK_SKEW_MS) return { finding: 'Its signature is right.' };
  return {
    finding:
      age > 0
        ? `Its signature is right, but ${inWords(age)} old: the clock of this server is ahead, or the request was held up or sent again on the way.`
        : `Its signature is right, but from ${inWords(-age)} ahead of the clock of this server: that clock is behind.`,
    setting: CLOCK,
  };
}

/** The signature that decides cannot be made right, but an older one beside it can, which covers less. */
function explainBeside(match: Match, judged: Claim, refusal: Refusal): Diagnosis {
  const { claim, form, former } = match;
  if (judged.version !== 'v3' || former || form.deviation !== 'none') return explain(match, refusal);
  const right = `The ${claim.version} signature beside it is right`;
  if (claim.version === 'v2' || refusal.reason === 'timestamp_malformed') {
    return {
      finding: `${right}: a proxy alters X-HubSpot-Signature-v3 or X-HubSpot-Request-Timestamp.`,
      setting: PROXY,
    };
  }
  return {
    finding:
      `${right}, so client secret and body are; the address is not: HubSpot calls another one than ` +
      `${withoutQuery(refusal.parts.url)}. Compare ${urlSetting(refusal)} with the target URL in HubSpot.`,
    setting: urlSetting(refusal),
  };
}

const urlSetting = ({ address }: Refusal) =>
  address.webhookUrl === undefined ? 'SERVER_URL' : 'WEBHOOK_URL';

function inWords(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes >= 120) return `${Math.round(minutes / 60)} hours`;
  return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

/** Queries carry personal data, paths may: e-mail addresses are masked, and what is not plain text. */
export const withoutQuery = (url: string) =>
  maskEmails((url.split('?', 1)[0] ?? '').replace(/[^\x21-\x7e]/g, '?')).slice(0, 300);
