import type { CardProperty } from './card-schema.ts';

export interface ShownValue {
  text: string;
  href?: string;
  /** A status tag's colour: `default`, `success`, `warning`, `danger`, `info`. */
  tag?: string;
}

/** A card property as HubSpot shows it, by its dataType. */
export function cardValue({
  dataType,
  value,
  currencyCode,
  linkLabel,
  optionType,
}: CardProperty): ShownValue {
  if (value === null || value === '') return { text: '–' };
  switch (dataType) {
    case 'CURRENCY':
      return { text: currency(Number(value), currencyCode) };
    case 'NUMERIC':
      return { text: Number(value).toLocaleString('en') };
    case 'DATE':
      return { text: day(value, 'UTC') };
    case 'DATETIME':
      return { text: moment(Number(value)) };
    case 'EMAIL':
      return { text: value, href: `mailto:${value}` };
    case 'LINK':
      return /^https?:/.test(value) ? { text: linkLabel ?? value, href: value } : { text: value };
    case 'STATUS':
      return { text: value, tag: (optionType ?? 'DEFAULT').toLowerCase() };
    default:
      return { text: value };
  }
}

function currency(amount: number, code = 'USD'): string {
  try {
    return amount.toLocaleString('en', { style: 'currency', currency: code });
  } catch {
    return `${amount} ${code}`;
  }
}

function day(value: string, timeZone: string): string {
  const date = new Date(value);
  return Number.isNaN(date.getTime())
    ? value
    : date.toLocaleDateString('en-GB', { dateStyle: 'medium', timeZone });
}

/** A time in the machine's time zone, which is the user's. */
export function moment(time: number | string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime())
    ? String(time)
    : date.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
}
