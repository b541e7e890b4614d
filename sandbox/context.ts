import { type AppSettingsStore, createAppSettings } from './state/app-settings.ts';
import { type AssociationLabels, createAssociationLabels } from './state/association-labels.ts';
import { type Associations, createAssociations } from './state/associations.ts';
import { createClock, type SandboxClock } from './state/clock.ts';
import { createFailures, type Failures } from './state/failures.ts';
import { createLists, type Lists } from './state/lists.ts';
import { createMarketplace, type Marketplace } from './state/marketplace.ts';
import { createOwners, type Owners } from './state/owners.ts';
import { createPipelines, type Pipelines } from './state/pipelines.ts';
import { createPortals, type Portals } from './state/portals.ts';
import { createPrivateApps, type PrivateApps } from './state/private-apps.ts';
import { type Project, readProject } from './state/project.ts';
import { createProperties, type Properties } from './state/properties.ts';
import type { RecordChange } from './state/record.ts';
import { createRecords, type Records } from './state/records.ts';
import { createRequestLog, type RequestLog } from './state/request-log.ts';
import { createRollingLimit, type RollingLimit } from './state/rolling-limit.ts';
import { createSchemas, type Schemas } from './state/schemas.ts';
import { seedAssociations } from './state/seed-associations.ts';
import { createSubscriptions, type Subscriptions } from './state/subscriptions.ts';
import { createTimeline, type Timeline } from './state/timeline.ts';
import { createTokens, type Tokens } from './state/tokens.ts';
import { changeEvents } from './webhooks/change-events.ts';
import { createDeliveryQueue, type DeliveryQueue } from './webhooks/delivery-queue.ts';

export interface SandboxContext {
  project: Project;
  settings: AppSettingsStore;
  clock: SandboxClock;
  portals: Portals;
  tokens: Tokens;
  privateApps: PrivateApps;
  marketplace: Marketplace;
  properties: Properties;
  pipelines: Pipelines;
  owners: Owners;
  schemas: Schemas;
  records: Records;
  lists: Lists;
  associationLabels: AssociationLabels;
  associations: Associations;
  timeline: Timeline;
  subscriptions: Subscriptions;
  requestLog: RequestLog;
  failures: Failures;
  rateLimit: RollingLimit;
  searchRateLimit: RollingLimit;
  deliveries: DeliveryQueue;
  /** Resets to the seed data. Keeps the app's URLs. */
  reset(): void;
}

/** Creates the whole state of a sandbox. */
export function createContext({
  serverUrl,
  projectFolder,
  webhookTimeoutMs,
}: {
  serverUrl: string;
  projectFolder?: string | undefined;
  webhookTimeoutMs?: number | undefined;
}): SandboxContext {
  const project = readProject(projectFolder);
  const settings = createAppSettings(project, serverUrl);
  const clock = createClock();
  const portals = createPortals();
  const tokens = createTokens(clock);
  const privateApps = createPrivateApps();
  const marketplace = createMarketplace(settings, tokens);
  const properties = createProperties();
  const pipelines = createPipelines();
  const owners = createOwners(portals);
  const timeline = createTimeline(settings.get().appId, project.appEventTypes);
  const subscriptions = createSubscriptions(project);
  const requestLog = createRequestLog();
  const failures = createFailures();
  const rateLimit = createRollingLimit(10_000);
  const searchRateLimit = createRollingLimit(1000);
  const deliveries = createDeliveryQueue(settings, clock, webhookTimeoutMs);

  function onChange(change: RecordChange) {
    if (change.kind === 'privacyDeletion') timeline.forget(change.portalId, change.objectId);
    const isConnected = tokens.findInstall(change.portalId) || privateApps.has(change.portalId);
    if (!isConnected || subscriptions.settings().paused) return;
    const { appId } = settings.get();
    deliveries.enqueue(changeEvents(change, subscriptions.list(), appId, deliveries.newEventId));
  }

  const associationLabels = createAssociationLabels();
  const schemas = createSchemas(properties, associationLabels);
  const associations = createAssociations(associationLabels, schemas, onChange);
  const records = createRecords(properties, {
    onChange,
    onGone(record, into, source) {
      if (into) associations.move(record, into, source);
      else associations.forget(record);
    },
  });

  const lists = createLists(records);

  seedAssociations(associationLabels, schemas, associations);

  const state = {
    settings,
    clock,
    portals,
    tokens,
    privateApps,
    marketplace,
    properties,
    pipelines,
    associationLabels,
    // Created after the parts it writes to.
    schemas,
    associations,
    records,
    lists,
    timeline,
    subscriptions,
    requestLog,
    failures,
    rateLimit,
    searchRateLimit,
    deliveries,
  };

  return {
    ...state,
    project,
    owners,
    reset() {
      for (const part of Object.values(state)) part.reset();
      seedAssociations(associationLabels, schemas, associations);
    },
  };
}
