import type { ObjectType } from './object-types.ts';

/** A contact's secondary addresses, separated by semicolons. */
export const FURTHER_EMAILS = 'hs_additional_emails';

type Values = Readonly<Record<string, string | undefined>>;

export const hasFurtherEmails = ({ properties }: ObjectType): boolean => FURTHER_EMAILS in properties;

/** All addresses of a contact, the primary one first. */
export const emailsOf = ({ email, [FURTHER_EMAILS]: further = '' }: Values): string[] =>
  [email ?? '', ...further.split(';')].filter(Boolean);

/** The same as properties, without duplicates. */
export function asEmails(addresses: readonly string[]): Record<string, string> {
  const [email = '', ...further] = new Set(addresses);
  return { email, [FURTHER_EMAILS]: further.join(';') };
}

/** The values that no other record may have. Secondary addresses of contacts count like `email`. */
export function uniqueValues(names: readonly string[], values: Values): { name: string; value: string }[] {
  return names.flatMap((name) => {
    const held = name === 'email' ? emailsOf(values) : [values[name] ?? ''];
    return held.filter(Boolean).map((value) => ({ name, value: value.toLowerCase() }));
  });
}
