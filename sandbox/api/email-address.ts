import { readFileSync } from 'node:fs';
import { domainToASCII } from 'node:url';

const LIST = readFileSync(new URL('../state/top-level-domains.txt', import.meta.url), 'utf8');
const TOP_LEVEL = new Set(LIST.toLowerCase().split('\n'));

/** HubSpot rejects it; seed data, documents and tests use it because it is reserved (RFC 2606). */
TOP_LEVEL.add('example');

/** RFC 2822, 3.2.4: dot-atom. HubSpot accepts no quoted strings. */
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const LABEL = /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/;

/**
 * Whether HubSpot accepts it as a contact's e-mail address: RFC 2822, with a top-level domain of IANA's list.
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
