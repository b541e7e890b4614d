import { type AppSettingsStore, createAppSettings } from './state/app-settings.ts';
import { createClock, type SandboxClock } from './state/clock.ts';
import { createFailures, type Failures } from './state/failures.ts';
import { type Project, readProject } from './state/project.ts';
import { createRecords, type Records } from './state/records.ts';
import { createRequestLog, type RequestLog } from './state/request-log.ts';
import { createRollingLimit, type RollingLimit } from './state/rolling-limit.ts';
import { createTimeline, type Timeline } from './state/timeline.ts';
import { createTokens, type Tokens } from './state/tokens.ts';
import { changeEvents } from './webhooks/change-events.ts';
import { createDeliveryQueue, type DeliveryQueue } from './webhooks/delivery-queue.ts';

export interface SandboxContext {
  project: Project;
  settings: AppSettingsStore;
  clock: SandboxClock;
  tokens: Tokens;
  records: Records;
  timeline: Timeline;
  requestLog: RequestLog;
  failures: Failures;
  rateLimit: RollingLimit;
  searchRateLimit: RollingLimit;
  deliveries: DeliveryQueue;
  /** Back to the seed data. The app's URLs stay. */
  reset(): void;
}

/** Builds the whole state of one sandbox. */
export function createContext({ serverUrl }: { serverUrl: string }): SandboxContext {
  const project = readProject();
  const settings = createAppSettings(project, serverUrl);
  const clock = createClock();
  const tokens = createTokens(clock);
  const timeline = createTimeline(settings.get().appId, project.appEventTypes);
  const requestLog = createRequestLog();
  const failures = createFailures();
  const rateLimit = createRollingLimit(10_000);
  const searchRateLimit = createRollingLimit(1000);
  const deliveries = createDeliveryQueue(settings, clock);

  const records = createRecords((change) => {
    if (change.kind === 'privacyDeletion') timeline.forget(change.portalId, change.objectId);
    if (!tokens.findInstall(change.portalId)) return;
    const { appId } = settings.get();
    deliveries.enqueue(changeEvents(change, project.subscriptions, appId, deliveries.newEventId));
  });

  return {
    project,
    settings,
    clock,
    tokens,
    records,
    timeline,
    requestLog,
    failures,
    rateLimit,
    searchRateLimit,
    deliveries,
    reset() {
      const parts = [settings, clock, tokens, records, timeline, requestLog, failures];
      for (const part of [...parts, rateLimit, searchRateLimit, deliveries]) part.reset();
    },
  };
}
