import { domainToUnicode } from 'node:url';
import { AppError } from '../../base/errors.ts';

/**
 * The domain of a URL in the form in which HubSpot stores it: `https://www.Example.com/about` gives `example.com`. Other
 * subdomains are kept, and non-ASCII letters are not converted to `xn--…`.
 * @throws {AppError} when there is no domain in it, such as in an e-mail address.
 */
export function domainOf(text: string): string {
  const address = text.trim();
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//i.test(address) ? address : `http://${address}`);
  const isWebsite = url?.username === '' && ['http:', 'https:'].includes(url.protocol);
  const host = isWebsite ? url.hostname.replace(/\.$/, '').replace(/^www\.(?=.*\.)/, '') : '';
  // Neither `localhost` nor an IP address; a top-level domain does not begin with a digit.
  if (!/^[^.[\]]+(\.[^.]+)*\.[a-z][^.]+$/.test(host)) {
    throw new AppError(
      400,
      'invalid_domain',
      `"${text}" is no domain. Nothing was sent. Give one such as example.com, or the address of a website.`,
    );
  }
  return /[^ -~]/.test(address) ? domainToUnicode(host) : host;
}
