const LONGEST = 4096;
/** Plain names only: what else a URL's host may hold is read differently here and there. */
const HUBSPOT = /^([a-z0-9-]+\.)+hubspot\.com$/;

/**
 * Where HubSpot wants the browser back after an install it started. Anyone can put any address into that
 * parameter, so only HubSpot's own hosts are followed: `https://*.hubspot.com`, and the host of the authorize page
 * (which is the sandbox's in development).
 * @returns the address to redirect to, as parsed: what was checked is what the browser gets.
 */
export function parseReturnUrl(text: string, authorizeUrl: string): URL | undefined {
  if (text.length > LONGEST || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username || url.password) return undefined;
  const hubspot = url.protocol === 'https:' && url.port === '' && HUBSPOT.test(url.hostname);
  // Not by origin: a blob: address has the origin of the host that is named inside of it.
  const authorize = new URL(authorizeUrl);
  const authorizing = url.protocol === authorize.protocol && url.host === authorize.host;
  return hubspot || authorizing ? url : undefined;
}

/** The return address with our one-time state beside what its query holds already. */
export function withState(returnUrl: URL, state: string): string {
  const url = new URL(returnUrl);
  url.searchParams.set('state', state);
  return url.href;
}
