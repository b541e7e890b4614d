import { decodeSignedUri, type SignatureVersion } from './signature.ts';

/** How a URL differs from the one that this server expects HubSpot to sign. */
export type Deviation = 'none' | 'base' | 'path' | 'query' | 'encoding';

export interface SignedForm {
  readonly url: string;
  /** Scheme, host, port and path prefix. */
  readonly base: string;
  readonly deviation: Deviation;
}

/** The URL of a request: as configured, as received, and as proxies report it. */
export interface Address {
  readonly serverUrl: string;
  /** The base URL for webhooks, if it differs. */
  readonly webhookUrl?: string | undefined;
  /** Path and query as received. */
  readonly target: string;
  readonly host?: string | undefined;
  readonly forwardedHost?: string | undefined;
  readonly forwardedPort?: string | undefined;
  readonly forwardedPrefix?: string | undefined;
  /** Path and query before a proxy rewrote them. */
  readonly originalTarget?: string | undefined;
}

/** Longer ones do not come from HubSpot, and each form costs time. */
const LONGEST_TARGET = 8_000;
const MOST_PARAMETERS = 30;
const MOST_PERMUTED = 4;

/**
 * Every URL that HubSpot may have signed for this request, without duplicates, the likeliest first. Only one deviation
 * at a time, so that their number grows linearly.
 */
export function* signedForms(address: Address, version: SignatureVersion): Generator<SignedForm> {
  const { target } = address;
  const accepted = acceptedBases(address);
  const seen = new Set<string>();
  // The v3 check treats both spellings as equal.
  const spellings = (url: string) => (version === 'v3' ? [url, decodeSignedUri(url)] : [url]);

  function* forms(deviation: Deviation, base: string, path: string): Generator<SignedForm> {
    for (const url of spellings(base + path)) {
      if (seen.has(url)) continue;
      seen.add(url);
      yield { url, base, deviation };
    }
  }

  for (const base of accepted) yield* forms('none', base, target);
  if (target.length > LONGEST_TARGET) return;
  for (const base of otherBases(address)) yield* forms('base', base, target);
  for (const base of accepted) {
    for (const path of otherPaths(address)) yield* forms('path', base, path);
    for (const path of otherQueries(target)) yield* forms('query', base, path);
    for (const path of otherEncodings(target)) yield* forms('encoding', base, path);
  }
}

/** The first is the one that HubSpot should call. */
export const acceptedBases = ({ webhookUrl, serverUrl }: Address): [string, ...string[]] =>
  webhookUrl === undefined ? [serverUrl] : [webhookUrl, serverUrl];

const HOST = /^([\w.-]{1,253}|\[[\da-f:.]{2,45}\])(?::(\d{1,5}))?$/i;
const PREFIX = /^(?:\/[\w.~%-]+){0,10}$/;

/** Proxy headers are not trusted: they count only if the signature then matches. */
function* otherBases(address: Address) {
  const { host, forwardedHost, forwardedPort, forwardedPrefix } = address;
  const own = new URL(acceptedBases(address)[0]);
  const ownPrefix = own.pathname.replace(/\/+$/, '');
  const told = [host, ...(forwardedHost ?? '').split(',').slice(0, 3)].map((name) => name?.trim() ?? '');
  const hosts = [own.host, ...told].map((name) => HOST.exec(name)).filter((match) => match !== null);
  const prefixes = [ownPrefix, '', forwardedPrefix?.trim().replace(/\/+$/, '') ?? ''];
  for (const prefix of prefixes.filter((text) => PREFIX.test(text))) {
    for (const [, name = '', port = ''] of hosts) {
      for (const scheme of ['https', 'http']) {
        const usual = scheme === 'https' ? '443' : '80';
        for (const number of [port, '', forwardedPort?.trim() ?? '', own.port, usual])
          if (/^\d{0,5}$/.test(number)) yield `${scheme}://${name}${number && `:${number}`}${prefix}`;
      }
    }
  }
}

/** Proxies merge slashes, add or remove a trailing one, and rewrite paths. */
function* otherPaths({ target, originalTarget }: Address) {
  const [path, query] = split(target);
  yield (path.endsWith('/') ? path.slice(0, -1) : `${path}/`) + query;
  yield path.replace(/\/{2,}/g, '/') + query;
  if (originalTarget?.startsWith('/')) yield originalTarget;
}

/** Proxies sort queries, remove them, and add parameters. */
function* otherQueries(target: string) {
  const [path, query] = split(target);
  const given = query.slice(1).split('&');
  if (query === '') yield `${path}?`;
  if (query === '' || given.length > MOST_PARAMETERS) return;
  yield path;
  const orders = [given.toSorted(), given.toReversed()];
  if (given.length <= MOST_PERMUTED) orders.push(...permutations(given));
  else orders.push(...given.map((_, at) => [...given.slice(at), ...given.slice(0, at)]));
  const oneLess = given.map((_, at) => given.toSpliced(at, 1));
  for (const order of [...orders, ...oneLess]) yield `${path}?${order.join('&')}`;
}

function* otherEncodings(target: string) {
  const [path, query] = split(target);
  yield decodeSignedUri(target);
  yield path + query.replaceAll('+', '%20');
  yield path + query.replaceAll('%20', '+');
  yield target.replace(/%[\da-f]{2}/gi, (octet) => octet.toUpperCase());
  yield target.replace(/%[\da-f]{2}/gi, (octet) => octet.toLowerCase());
  for (const decode of [decodeURI, decodeURIComponent]) {
    try {
      const decoded = decode(target);
      yield decoded;
      yield encodeURI(decoded);
    } catch {
      // An invalid encoding, so no proxy has decoded it.
    }
  }
}

function split(target: string): [path: string, query: string] {
  const at = target.indexOf('?');
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at)];
}

const permutations = (items: readonly string[]): string[][] =>
  items.length <= 1
    ? [[...items]]
    : items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
