import { readFileSync } from 'node:fs';
import { domainToASCII } from 'node:url';

const LIST = readFileSync(new URL('../state/top-level-domains.txt', import.meta.url), 'utf8');
const TOP_LEVEL = new Set(LIST.toLowerCase().split('\n'));

/** HubSpot refuses it; the seed data, documents and tests use it because it is nobody's (RFC 2606). */
TOP_LEVEL.add('example');

/** RFC 2822, 3.2.4: words of these with single dots between them. HubSpot takes no quoted ones. */
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const LABEL = /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/;

/**
 * Whether HubSpot takes it as a contact's e-mail address: the form of RFC 2822, in a top-level domain of IANA's list.
 * @see https://legacydocs.hubspot.com/docs/faq/how-does-hubspot-validate-email-addresses
 */
export function isEmailAddress(text: string): boolean {
  const [, local = '', domain = ''] = /^(.*)@(.*)$/s.exec(text.trim()) ?? [];
  const labels = domainToASCII(domain).split('.');
  return (
    LOCAL_PART.test(local) &&
    labels.length > 1 &&
    labels.every((label) => LABEL.test(label)) &&
    TOP_LEVEL.has(labels.at(-1) ?? '')
  );
}
