import { describe, expect, it } from '@jest/globals';
import { type ApiArea, apiPaths, apiPathsOf, apiVersions } from '../../app/hubspot/api-paths.ts';
import { portalApis } from '../../app/hubspot/portal-apis.ts';
import { startHubspot } from '../sandbox/hubspot.ts';

describe('the table of API paths', () => {
  it('calls the newest dated version of the CRM by default', () => {
    expect(apiPaths.objects).toMatchObject({ version: '2026-09', path: '/crm/objects/2026-09' });
  });

  it('has an end of support for every version, later for the one in use than for those that are no dates', () => {
    for (const [area, versions] of Object.entries(apiVersions)) {
      const used = apiPaths[area as ApiArea];
      const old = versions.filter(({ version }) => version.startsWith('v'));
      for (const { unsupportedFrom } of old) expect(unsupportedFrom <= used.unsupportedFrom).toBe(true);
    }
  });

  it('refuses a version that an area does not have', () => {
    expect(() => apiPathsOf({ objects: 'v4' })).toThrow('objects API has 2026-09,2026-03,v3, not v4');
  });

  it('lets each area be called in another version', async () => {
    const hubspot = await startHubspot();
    try {
      const { access } = await hubspot.fullAccess();
      const api = hubspot.api(access);
      const called: string[] = [];
      const send = async ({ method, path, json }: { method: string; path: string; json?: unknown }) => {
        called.push(`${method} ${path}`);
        const { status, body } = await api(method, path, json);
        if (status >= 300) throw new Error(`${path}: ${status}`);
        return body || undefined;
      };
      for (const [crm, associations] of [
        ['v3', 'v4'],
        ['2026-03', '2026-03'],
      ] as const) {
        const versions = { objects: crm, pipelines: crm, owners: crm, accountInfo: crm };
        const all = {
          ...versions,
          recordAssociations: associations,
          associations,
          associationLabels: associations,
        };
        const apis = portalApis(send, apiPathsOf(all));
        const { id } = await apis.deals.create({
          dealname: crm,
          ...(await apis.deals.inStage('Contract Sent')),
        });
        const { contact } = await apis.contacts.createOrUpdate('old@example.com', {});
        const pair = { from: contact.id, to: id };
        await apis.associations.createDefault({ type: 'deals', id }, { type: 'contacts', id: contact.id });
        await apis.associations.batchDelete('contacts', 'deals', [pair]);
        await apis.associations.labels.list('contacts', 'deals');
        await apis.owners.findByEmail('admin@example.com');
        await apis.account.get();
      }
      expect(called).toContain('POST /crm/v3/objects/0-3');
      expect(called).toContain('POST /crm/v4/associations/contacts/deals/batch/archive');
      expect(called.filter((path) => path.includes('2026-09'))).toEqual([]);
    } finally {
      await hubspot.close();
    }
  });
});
