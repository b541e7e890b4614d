import { describe, expect, it } from '@jest/globals';
import { portalApis } from '../../app/hubspot/portal-apis.ts';
import {
  type ApiArea,
  apiPaths,
  apiPathsOf,
  apiVersions,
  parseApiVersions,
} from '../../app/hubspot/versions.ts';
import { startWorld } from '../helpers/world.ts';
import { startHubspot } from '../sandbox/hubspot.ts';

describe('the table of API paths', () => {
  it('calls the newest dated version of the CRM by default', () => {
    expect(apiPaths.objects).toMatchObject({ version: '2026-09', path: '/crm/objects/2026-09' });
  });

  it('never calls a version whose support ends before that of v1 to v4', () => {
    const tooOld = Object.entries(apiVersions).filter(([area, versions]) =>
      versions.some(
        ({ version, unsupportedFrom }) =>
          version.startsWith('v') && unsupportedFrom > apiPaths[area as ApiArea].unsupportedFrom,
      ),
    );
    expect(tooOld.map(([area]) => area)).toEqual([]);
  });

  it('rejects a version that an area does not have', () => {
    expect(() => apiPathsOf({ objects: 'v4' })).toThrow(
      'asks for v4 of objects; there are 2026-09, 2026-03, v3',
    );
  });

  it('follows HUBSPOT_API_VERSIONS', async () => {
    const world = await startWorld({ settings: { HUBSPOT_API_VERSIONS: 'objects=v3, oauth=v3' } });
    try {
      await world.install();
      await world.ctx.hubspotFor(62515).contacts.get('101');
      const { results } = await world.sandbox.read('requests');
      const paths = results.map(({ path }: { path: string }) => path);
      expect(paths).toContain('/oauth/v3/token');
      expect(paths).toContain('/crm/v3/objects/contacts/101');
      expect(paths.filter((path: string) => /20\d\d/.test(path))).toEqual([]);
    } finally {
      await world.close();
    }
  });

  it.each([
    ['objects', 'must be pairs like objects=v3; the areas are oauth, objects'],
    ['contacts=v3', 'must be pairs like objects=v3'],
    ['objects=', 'must be pairs like objects=v3'],
    ['toString=v3', 'must be pairs like objects=v3'],
    ['objects=v3 pipelines=v4', 'asks for v4 of pipelines'],
  ])('rejects HUBSPOT_API_VERSIONS=%s', (text, problem) => {
    expect(() => parseApiVersions(text)).toThrow(problem);
  });

  it('allows another version for each area', async () => {
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
        const versions = { objects: crm, pipelines: crm, owners: crm, lists: crm, accountInfo: crm };
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
        await apis.lists.add('11', ['103']);
        await Array.fromAsync(apis.lists.list());
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
