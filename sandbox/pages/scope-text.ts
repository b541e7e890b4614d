const texts: Readonly<Record<string, string>> = {
  oauth: 'Know which account is connected',
  timeline: 'Show its own events on record timelines',
  tickets: 'Read and change tickets',
  'crm.objects.contacts.read': 'Read contacts',
  'crm.objects.contacts.write': 'Create, change and delete contacts',
  'crm.objects.companies.read': 'Read companies',
  'crm.objects.companies.write': 'Create, change and delete companies',
  'crm.objects.owners.read': 'Read users and owners',
  'crm.lists.read': 'Read lists and who is in them',
  'crm.lists.write': 'Put records into lists and take them out',
  'crm.objects.deals.read': 'Read deals',
  'crm.objects.deals.write': 'Create, change and delete deals',
  'crm.schemas.deals.write': 'Change pipelines and properties of deals',
  'sales-email-read': 'Read and change e-mails on records',
};

/** The description of a scope on the consent page. */
export function scopeText(scope: string): string {
  return texts[scope] ?? 'Use what this scope covers';
}
