import { decodeSignedUri, type SignatureVersion } from './signature.ts';

/** In which way an address differs from the one that this server expects to be signed. */
export type Deviation = 'none' | 'base' | 'path' | 'query' | 'encoding';

export interface SignedForm {
  readonly url: string;
  /** Scheme, host, port and path prefix. */
  readonly base: string;
  readonly deviation: Deviation;
}

/** The address of a request: as configured, and as the request and the proxies before this server put it. */
export interface Address {
  readonly serverUrl: string;
  /** Where webhooks have a base URL of their own. */
  readonly webhookUrl?: string | undefined;
  /** Path and query as they arrived. */
  readonly target: string;
  readonly host?: string | undefined;
  readonly forwardedHost?: string | undefined;
  readonly forwardedPort?: string | undefined;
  readonly forwardedPrefix?: string | undefined;
  /** Path and query before a proxy rewrote them. */
  readonly originalTarget?: string | undefined;
}

/** Longer ones are not HubSpot's, and every form costs. */
const LONGEST_TARGET = 8_000;
const MOST_PARAMETERS = 30;
const MOST_PERMUTED = 4;

/**
 * Every URL that HubSpot may have signed for this request, each once, the likeliest first: one deviation at a time,
 * so their number grows with the sum of what can differ and not with the product.
 */
export function* signedForms(address: Address, version: SignatureVersion): Generator<SignedForm> {
  const { target } = address;
  const accepted = acceptedBases(address);
  const seen = new Set<string>();
  // Where v3 is checked both spellings count as the same.
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

/** The first is the one that HubSpot is to call. */
export const acceptedBases = ({ webhookUrl, serverUrl }: Address): [string, ...string[]] =>
  webhookUrl === undefined ? [serverUrl] : [webhookUrl, serverUrl];

const HOST = /^([\w.-]{1,253}|\[[\da-f:.]{2,45}\])(?::(\d{1,5}))?$/i;
const PREFIX = /^(?:\/[\w.~%-]+){0,10}$/;

/** What the proxies say is tried and not trusted: it counts only when the signature then is right. */
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

/** Proxies merge slashes, add or drop the last one, and rewrite. */
function* otherPaths({ target, originalTarget }: Address) {
  const [path, query] = split(target);
  yield (path.endsWith('/') ? path.slice(0, -1) : `${path}/`) + query;
  yield path.replace(/\/{2,}/g, '/') + query;
  if (originalTarget?.startsWith('/')) yield originalTarget;
}

/** Proxies sort queries, drop them, and add parameters of their own. */
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
      // Not a well-formed encoding: then nobody on the way decoded it.
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
