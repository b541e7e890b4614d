import { maskEmails } from '../../../base/logger.ts';
import {
  isSignatureOf,
  MAX_CLOCK_SKEW_MS,
  type SignatureProblem,
  type SignatureVersion,
  type SignedParts,
} from '../signature.ts';
import { type Address, acceptedBases, type SignedForm, signedForms } from '../signed-forms.ts';

/** Kinds of routes that HubSpot calls. The accepted signature versions are configured for each kind. */
export type SignedRoute = 'webhook' | 'card' | 'eventDetails';

/** Why a body was not read; error codes of the responses. */
const BODY_PROBLEMS = {
  body_too_large: 'The body is larger than this route takes, so its signature was not checked.',
  unsupported_encoding:
    'The body came compressed, so its signature was not checked. HubSpot compresses none: if it sent this, a proxy did.',
} as const;

type BodyProblem = keyof typeof BODY_PROBLEMS;

export const isBodyProblem = (code: string): code is BodyProblem => code in BODY_PROBLEMS;

/** For a valid signature whose URL and body may have been split at a different place. */
const NOT_AS_SENT: Readonly<Record<SignedRoute, Diagnosis>> = {
  webhook: {
    finding:
      'The signature is valid, but the request is not a delivery: a card of yours called /webhook, or somebody altered a signed ' +
      'request.',
  },
  card: {
    finding:
      'The signature is valid, but HubSpot sends cards and actions differently: complete name=value pairs, and JSON or the ' +
      'same pairs as body. A card of yours sends something else, or somebody altered a signed request.',
  },
  eventDetails: {
    finding:
      'The signature is valid, but HubSpot requests event details differently: complete name=value pairs and no body.',
  },
};

/** A request that was rejected. */
export interface RejectedRequest {
  readonly reason: SignatureProblem | BodyProblem | 'not_as_hubspot_sends';
  readonly route: SignedRoute;
  readonly accepted: readonly SignatureVersion[];
  readonly parts: SignedParts;
  readonly address: Address;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface Diagnosis {
  /** The problem, for an operator. Contains no body, query or secret. */
  readonly finding: string;
  /** The setting to change; undefined when unknown. */
  readonly setting?: string | undefined;
}

/** The maximum work of one diagnosis: about ten milliseconds. */
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

/** A signature of the request. */
interface Claim {
  readonly version: SignatureVersion;
  readonly given: string;
  readonly timestamp: string;
  /** False when the version header is missing or invalid. */
  readonly declared: boolean;
}

interface Match {
  readonly claim: Claim;
  readonly form: SignedForm;
  /** The signature was made with a client secret that is no longer configured. */
  readonly former: boolean;
}

/**
 * Finds the change with which a rejected request's signature is valid. Only a valid signature counts, so nothing is
 * reported about requests of senders without a client secret.
 * @param former client secrets that were configured in the past.
 */
export function diagnose(
  rejected: RejectedRequest,
  secrets: { readonly configured: readonly string[]; readonly former: readonly string[] },
): Diagnosis {
  if (isBodyProblem(rejected.reason)) return { finding: BODY_PROBLEMS[rejected.reason] };
  if (rejected.reason === 'not_as_hubspot_sends') return NOT_AS_SENT[rejected.route];
  const [judged, ...beside] = claimsOf(rejected.parts.headers);
  if (!judged || rejected.reason === 'no_signature') {
    return { finding: 'No signature: HubSpot did not send it, or a proxy drops the X-HubSpot-* headers.' };
  }
  const budget = { tries: MOST_TRIES, bytes: MOST_BYTES };
  const search = (claim: Claim) => findMatch(claim, rejected, secrets, budget);
  const match = search(judged);
  if (match) return explain(match, rejected);
  for (const claim of beside) {
    const right = search(claim);
    if (right) return explainBeside(right, judged, rejected);
  }
  const cut =
    budget.tries <= 0 || budget.bytes <= 0 ? ' Not every form was tried: the request is large.' : '';
  return {
    finding:
      'Nothing that this server knows makes the signature right: the body was changed on the way, it was made with ' +
      `a client secret that this server never had (another app's?), or HubSpot did not send it.${cut}`,
  };
}

/** The decisive one comes first. */
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
  { parts, address }: RejectedRequest,
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
    // A v1 signature does not cover the URL.
    if (version === 'v1') return undefined;
  }
  return undefined;
}

function explain({ claim, form, former }: Match, rejected: RejectedRequest): Diagnosis {
  const { target } = rejected.address;
  const signed = withoutQuery(form.url);
  if (former) {
    const also =
      form.deviation === 'none' ? '' : ` It also signs a different URL than this server's: ${signed}.`;
    return {
      finding:
        'It is signed with a client secret that is no longer configured. While HubSpot uses it, add it ' +
        `to HUBSPOT_CLIENT_SECRET again, after the newer one and a comma.${also}`,
      setting: 'HUBSPOT_CLIENT_SECRET',
    };
  }
  const setting = urlSetting(rejected);
  const [base] = acceptedBases(rejected.address);
  switch (form.deviation) {
    case 'base': {
      const instead =
        rejected.route === 'webhook' && setting === 'SERVER_URL'
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
          'HubSpot signs the same URL with a different query: a proxy reorders, adds or removes parameters.',
        setting: PROXY,
      };
    case 'encoding':
      return {
        finding:
          'HubSpot signs the same URL with different percent-encoding: a proxy decodes or re-encodes it.',
        setting: PROXY,
      };
    case 'none':
      return explainRightSignature(claim, rejected);
    default:
      return form.deviation satisfies never;
  }
}

/** URL, body and secret are valid: finds the other reason for the rejection. */
function explainRightSignature(
  { version, timestamp, declared }: Claim,
  rejected: RejectedRequest,
): Diagnosis {
  if (!declared) {
    return {
      finding: `Its ${version} signature is valid, but X-HubSpot-Signature-Version is not ${version}: a proxy removes or changes it.`,
      setting: PROXY,
    };
  }
  if (!rejected.accepted.includes(version)) {
    const setting = VERSION_SETTING[rejected.route];
    const accepted = rejected.accepted.join(', ');
    return {
      finding:
        `Its ${version} signature is valid, but this route accepts ${accepted}. ` +
        (version === 'v3'
          ? ''
          : `HubSpot also signs every request with v3: look for a proxy that removes X-HubSpot-Signature-v3. ${version} covers less. To accept it anyway: `) +
        `Add ${version} to ${setting}.`,
      setting,
    };
  }
  if (rejected.reason === 'timestamp_malformed') {
    return {
      finding:
        'Its signature is valid, but X-HubSpot-Request-Timestamp is not in milliseconds, as HubSpot sends it: 13 digits.',
    };
  }
  const age = rejected.at - Number(timestamp);
  if (Math.abs(age) <= MAX_CLOCK_SKEW_MS) return { finding: 'Its signature is valid.' };
  return {
    finding:
      age > 0
        ? `Its signature is valid, but ${inWords(age)} old: the clock of this server is ahead, or the request was delayed or replayed.`
        : `Its signature is valid, but from ${inWords(-age)} ahead of the clock of this server: the clock is slow.`,
    setting: CLOCK,
  };
}

/** The decisive signature is invalid, but an older one, which covers less, can be valid. */
function explainBeside(match: Match, judged: Claim, rejected: RejectedRequest): Diagnosis {
  const { claim, form, former } = match;
  if (judged.version !== 'v3' || former || form.deviation !== 'none') return explain(match, rejected);
  const right = `The ${claim.version} signature beside it is valid`;
  if (claim.version === 'v2' || rejected.reason === 'timestamp_malformed') {
    return {
      finding: `${right}: a proxy alters X-HubSpot-Signature-v3 or X-HubSpot-Request-Timestamp.`,
      setting: PROXY,
    };
  }
  return {
    finding:
      `${right}, so client secret and body are correct, but the URL is not: HubSpot calls a different one than ` +
      `${withoutQuery(rejected.parts.url)}. Compare ${urlSetting(rejected)} with the target URL in HubSpot.`,
    setting: urlSetting(rejected),
  };
}

const urlSetting = ({ address }: RejectedRequest) =>
  address.webhookUrl === undefined ? 'SERVER_URL' : 'WEBHOOK_URL';

function inWords(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes >= 120) return `${Math.round(minutes / 60)} hours`;
  return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

/** Queries contain personal data and paths may, so e-mail addresses and unusual characters are masked. */
export const withoutQuery = (url: string) =>
  maskEmails((url.split('?', 1)[0] ?? '').replace(/[^\x21-\x7e]/g, '?')).slice(0, 300);
