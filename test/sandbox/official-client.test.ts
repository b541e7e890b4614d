import { Client } from '@hubspot/api-client';
import { AssociationSpecAssociationCategoryEnum as Category } from '@hubspot/api-client/lib/codegen/crm/associations/v4/models/AssociationSpec.js';
import { FilterOperatorEnum } from '@hubspot/api-client/lib/codegen/crm/companies/models/Filter.js';
import {
  PropertyCreateFieldTypeEnum as FieldType,
  PropertyCreateTypeEnum as PropertyType,
} from '@hubspot/api-client/lib/codegen/crm/properties/models/PropertyCreate.js';
import { SubscriptionCreateRequestEventTypeEnum as EventType } from '@hubspot/api-client/lib/codegen/webhooks/models/SubscriptionCreateRequest.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { declaredSubscriptions } from '../helpers/subscriptions.ts';
import { client as app, type Hubspot, startHubspot } from './hubspot.ts';

/** HubSpot's own client, which was not written for the sandbox, must find HubSpot in it. */
let hubspot: Hubspot;
let client: Client;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(async () => {
  await hubspot.control('/reset', {});
  const { access } = await hubspot.fullAccess();
  client = newClient({ accessToken: access });
});

/** Without the client's own waits between requests. */
function newClient(credentials: ConstructorParameters<typeof Client>[0]): Client {
  return new Client({ basePath: hubspot.url, limiterOptions: {}, ...credentials });
}

const primary = { associationCategory: Category.HubspotDefined, associationTypeId: 1 };

describe('HubSpot’s own client', () => {
  it('exchanges, refreshes and reads tokens', async () => {
    const api = newClient({}).oauth.tokensApi;
    const { client_id, client_secret } = app;
    const code = await hubspot.codeFor();
    const first = await api.create('authorization_code', code, hubspot.redirectUri, client_id, client_secret);
    expect(first.expiresIn).toBe(1800);
    const second = await api.create(
      'refresh_token',
      undefined,
      undefined,
      client_id,
      client_secret,
      first.refreshToken,
    );
    expect(second.refreshToken).toBe(first.refreshToken);
  });

  it('creates, reads, changes, searches and deletes contacts', async () => {
    const { basicApi, searchApi, batchApi } = client.crm.contacts;
    const created = await basicApi.create({
      properties: { email: 'new@example.com', firstname: 'New' },
      associations: [{ to: { id: '301' }, types: [primary] }],
    });
    const read = await basicApi.getById(created.id, ['email'], undefined, ['companies']);
    expect(read.properties.email).toBe('new@example.com');
    expect(read.createdAt).toBeInstanceOf(Date);
    expect(read.associations?.companies?.results.map(({ type }) => type)).toContain('contact_to_company');
    await basicApi.update(created.id, { properties: { lifecyclestage: 'customer' } });
    const found = await searchApi.doSearch({
      filterGroups: [
        {
          filters: [{ propertyName: 'lifecyclestage', operator: FilterOperatorEnum.Eq, value: 'customer' }],
        },
      ],
      properties: ['email'],
      limit: 10,
    });
    expect(found.total).toBe(2);
    const upserted = await batchApi.upsert({
      inputs: [{ id: 'new@example.com', idProperty: 'email', properties: { phone: '1' } }],
    });
    expect(upserted.results[0]?._new).toBe(false);
    await basicApi.archive(created.id);
    await expect(basicApi.getById(created.id)).rejects.toMatchObject({ code: 404 });
    const all = await client.crm.contacts.getAll(2);
    expect(all).toHaveLength(5);
  });

  it('works on companies, deals and tickets', async () => {
    const company = await client.crm.companies.basicApi.create({
      properties: { name: 'Co', domain: 'co.example' },
      associations: [],
    });
    const merged = await client.crm.companies.basicApi.merge({
      primaryObjectId: '301',
      objectIdToMerge: company.id,
    });
    expect(merged.id).toBe('301');
    const deal = await client.crm.deals.basicApi.create({
      properties: { dealname: 'Deal', pipeline: 'default', dealstage: 'qualifiedtobuy' },
      associations: [],
    });
    const moved = await client.crm.deals.basicApi.update(deal.id, { properties: { dealstage: 'closedwon' } });
    expect(moved.properties.dealstage).toBe('closedwon');
    const tickets = await client.crm.tickets.batchApi.create({
      inputs: [{ properties: { subject: 'T', hs_pipeline: '0', hs_pipeline_stage: '1' }, associations: [] }],
    });
    expect(tickets.status).toBe('COMPLETE');
    const page = await client.crm.tickets.basicApi.getPage(10);
    expect(page.results.map(({ properties }) => properties.subject)).toEqual(['Cannot sign in', 'T']);
  });

  it('associates', async () => {
    const { basicApi, batchApi } = client.crm.associations.v4;
    await basicApi.createDefault('contacts', '103', 'companies', '301');
    const labels = await basicApi.create('contacts', '103', 'companies', '301', [primary]);
    expect(labels.labels).toEqual(['Primary']);
    const page = await basicApi.getPage('contacts', '103', 'companies');
    expect(page.results[0]?.associationTypes).toEqual([
      { category: 'HUBSPOT_DEFINED', typeId: 279, label: null },
      { category: 'HUBSPOT_DEFINED', typeId: 1, label: 'Primary' },
    ]);
    const read = await batchApi.getPage('contacts', 'companies', { inputs: [{ id: '103' }] });
    expect(read.results[0]).toMatchObject({ _from: { id: '103' }, to: [{ toObjectId: '301' }] });
    await batchApi.archive('contacts', 'companies', {
      inputs: [{ _from: { id: '103' }, to: [{ id: '301' }] }],
    });
    expect((await basicApi.getPage('contacts', '103', 'companies')).results).toEqual([]);
    const types = await client.crm.associations.v4.schema.definitionsApi.getAll('contacts', 'companies');
    expect(types.results).toHaveLength(2);
  });

  it('manages pipelines', async () => {
    const { pipelinesApi, pipelineStagesApi } = client.crm.pipelines;
    const stages = [{ label: 'Open', displayOrder: 0, metadata: { probability: '0.5' } }];
    const made = await pipelinesApi.create('deals', { label: 'New', displayOrder: 1, stages });
    expect(made.stages[0]?.metadata).toEqual({ probability: '0.5', isClosed: 'false' });
    const stage = await pipelineStagesApi.create('deals', made.id, {
      label: 'Won',
      displayOrder: 1,
      metadata: { probability: '1.0' },
    });
    await pipelineStagesApi.archive('deals', made.id, stage.id);
    expect((await pipelinesApi.getAll('deals')).results).toHaveLength(2);
    await pipelinesApi.archive('deals', made.id);
    await expect(pipelinesApi.getById('deals', made.id)).rejects.toMatchObject({ code: 404 });
  });

  it('reads properties and owners', async () => {
    const property = await client.crm.properties.coreApi.create('contacts', {
      name: 'shoe_size',
      label: 'Shoe size',
      groupName: 'contactinformation',
      type: PropertyType.Number,
      fieldType: FieldType.Number,
    });
    expect(property.hubspotDefined).toBe(false);
    const owners = await client.crm.owners.ownersApi.getPage();
    expect(owners.results).toHaveLength(2);
    expect(owners.results[0]).toMatchObject({ type: 'PERSON', archived: false });
  });

  it('reads lists, and changes their members', async () => {
    const { listsApi, membershipsApi } = client.crm.lists;
    const found = await listsApi.doSearch({
      query: 'news',
      processingTypes: ['MANUAL'],
      listIds: [],
      additionalProperties: [],
      offset: 0,
    });
    expect(found.lists).toMatchObject([{ listId: '11', additionalProperties: { hs_list_size: '2' } }]);
    expect((await listsApi.getByName('Newsletter', '0-1')).list.listId).toBe('11');
    expect((await listsApi.getById('13', true)).list.filterBranch).toMatchObject({ filterBranchType: 'OR' });
    const changed = await membershipsApi.addAndRemove('11', {
      recordIdsToAdd: ['103'],
      recordIdsToRemove: ['102'],
    });
    expect(changed).toMatchObject({
      recordsIdsAdded: ['103'],
      recordIdsRemoved: ['102'],
      recordIdsMissing: [],
    });
    const members = await membershipsApi.getPage('11');
    expect(members.results.map(({ recordId }) => recordId)).toEqual(['101', '103']);
    expect(members.results[0]?.membershipTimestamp).toBeInstanceOf(Date);
    const lists = await membershipsApi.getLists('0-1', '103');
    expect(lists.results.map(({ listId }) => listId)).toEqual(['11', '12', '13']);
  });

  it('manages webhook subscriptions with the developer’s key', async () => {
    const { settingsApi, subscriptionsApi } = newClient({
      developerApiKey: 'sandbox-developer-key',
    }).webhooks;
    const settings = await settingsApi.getAll(193354);
    expect(settings.throttling.maxConcurrentRequests).toBe(10);
    const made = await subscriptionsApi.create(193354, { eventType: EventType.ContactMerge, active: false });
    const active = await subscriptionsApi.update(Number(made.id), 193354, { active: true });
    expect(active).toMatchObject({ eventType: 'contact.merge', active: true });
    await subscriptionsApi.archive(Number(made.id), 193354);
    expect((await subscriptionsApi.getAll(193354)).results).toHaveLength(declaredSubscriptions().length);
  });
});
