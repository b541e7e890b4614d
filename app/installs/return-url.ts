const LONGEST = 4096;
/** Plain names only: parsers disagree about other characters in a host. */
const HUBSPOT = /^([a-z0-9-]+\.)+hubspot\.com$/;

/**
 * The address to which HubSpot wants the browser back. Anyone can put any address into that parameter, so only HubSpot's
 * own hosts are accepted: `https://*.hubspot.com`, and the host of the authorize page (in development the sandbox).
 * @returns the parsed address, so that the browser gets exactly what was checked.
 */
export function parseReturnUrl(text: string, authorizeUrl: string): URL | undefined {
  if (text.length > LONGEST || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username || url.password) return undefined;
  const hubspot = url.protocol === 'https:' && url.port === '' && HUBSPOT.test(url.hostname);
  // Not by origin: a blob: address has the origin of the URL inside it.
  const authorize = new URL(authorizeUrl);
  const authorizing = url.protocol === authorize.protocol && url.host === authorize.host;
  return hubspot || authorizing ? url : undefined;
}

/** The return address with our one-time state added to its query. */
export function withState(returnUrl: URL, state: string): string {
  const url = new URL(returnUrl);
  url.searchParams.set('state', state);
  return url.href;
}
