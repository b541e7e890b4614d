import { lifecycleStages } from '../state/property-options.ts';
import type { CrmRecord } from '../state/record.ts';

const stageLabels: Record<(typeof lifecycleStages)[number], string> = {
  subscriber: 'Subscriber',
  lead: 'Lead',
  marketingqualifiedlead: 'Marketing qualified lead',
  salesqualifiedlead: 'Sales qualified lead',
  opportunity: 'Opportunity',
  customer: 'Customer',
  evangelist: 'Evangelist',
  other: 'Other',
};

const textFields = [
  { name: 'firstname', label: 'First name', type: 'text' },
  { name: 'lastname', label: 'Last name', type: 'text' },
  { name: 'email', label: 'E-mail', type: 'email' },
  { name: 'phone', label: 'Phone', type: 'tel' },
  { name: 'company', label: 'Company', type: 'text' },
  { name: 'jobtitle', label: 'Job title', type: 'text' },
] as const;

/** The properties that a user can change on the record page. */
export const editableProperties = [...textFields.map(({ name }) => name), 'lifecyclestage'] as const;

/** Fields for a form with these values. */
export function contactFields(values: Record<string, string | undefined>) {
  return textFields.map((field) => ({ ...field, value: values[field.name] ?? '' }));
}

export function stageOptions(current: string | undefined) {
  const options = lifecycleStages.map((value) => {
    return { value, label: stageLabels[value], selected: value === current };
  });
  return [{ value: '', label: 'None', selected: !current }, ...options];
}

export function stageLabel(value: string | undefined): string {
  const known = lifecycleStages.find((stage) => stage === value);
  return known ? stageLabels[known] : (value ?? '–');
}

/** The stage after the given one; after the last one the first. */
export function nextStage(current: string | undefined): string {
  const index = lifecycleStages.map(String).indexOf(current ?? '');
  return lifecycleStages[(index + 1) % lifecycleStages.length] ?? 'lead';
}

/** Name, else e-mail address, else id. */
export function contactName({ id, properties: { firstname, lastname, email } }: CrmRecord): string {
  return [firstname, lastname].filter(Boolean).join(' ') || email || `Contact ${id}`;
}
