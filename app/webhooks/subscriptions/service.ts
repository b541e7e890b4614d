import { AppError } from '../../base/errors.ts';
import type {
  WebhookSettings,
  WebhookSettingsApi,
  WebhookSubscription,
} from '../../hubspot/apis/webhook-settings.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import type { AnyWebhookHandler } from '../handler.ts';
import { changeProjectFile, type ProjectFileChange } from './project-file.ts';
import { subscriptionKey, type WantedSubscription, wantedSubscriptions } from './wanted.ts';

const WEBHOOK_PATH = '/webhook';
/** HubSpot's own default. */
const MOST_CONCURRENT_REQUESTS = 10;

/** A subscription at HubSpot compared with the handlers. */
export interface ComparedSubscription {
  readonly type: string;
  readonly objectType: string | undefined;
  readonly property: string | undefined;
  readonly hubspot: 'active' | 'paused' | 'missing';
  readonly wanted: boolean;
}

export interface SubscriptionComparison {
  readonly targetUrl: {
    readonly hubspot: string | undefined;
    readonly wanted: string;
    /** The setting that determines it. */
    readonly setting: 'SERVER_URL' | 'WEBHOOK_URL';
  };
  readonly subscriptions: readonly ComparedSubscription[];
}

/** A change that `apply` made. */
export interface AppliedChange {
  readonly what: string;
  readonly action: 'set' | 'created' | 'activated' | 'deleted' | 'failed';
  readonly problem?: string;
}

export type WebhookSubscriptions = ReturnType<typeof createWebhookSubscriptions>;

interface Dependencies {
  handlers: readonly AnyWebhookHandler[];
  /** Undefined without a developer API key. */
  api: WebhookSettingsApi | undefined;
  serverUrl: string;
  /** The base of the webhook target URL when it differs from `serverUrl`. */
  webhookUrl: string | undefined;
  apiUrl: string;
}

/** Compares HubSpot's webhook subscriptions with those that the handlers need, and changes them. */
export function createWebhookSubscriptions({ handlers, api, serverUrl, webhookUrl, apiUrl }: Dependencies) {
  const baseUrl = webhookUrl ?? serverUrl;
  const targetUrl = baseUrl + WEBHOOK_PATH;
  const setting = webhookUrl === undefined ? 'SERVER_URL' : 'WEBHOOK_URL';

  return {
    async compare(): Promise<SubscriptionComparison> {
      const { settings, subscriptions } = await read();
      return {
        targetUrl: { hubspot: settings?.targetUrl, wanted: targetUrl, setting },
        subscriptions: pair(subscriptions).map(({ wanted, has, ...described }) => ({
          ...described,
          hubspot: has ? (has.active ? 'active' : 'paused') : 'missing',
          wanted: wanted !== undefined,
        })),
      };
    },

    /** Changes the subscriptions of a legacy app at HubSpot. Continues when HubSpot refuses one of them. */
    async apply({ deleteUndeclared }: { deleteUndeclared: boolean }): Promise<AppliedChange[]> {
      if (targetUrl.startsWith('http:') && apiUrl.startsWith('https:')) {
        throw new AppError(
          409,
          'server_url_not_https',
          `${setting} is ${baseUrl}, and HubSpot delivers to https only. Nothing was changed.`,
        );
      }
      const { settings, subscriptions } = await read();
      const calls = needApi();
      const changes: AppliedChange[] = [];
      if (settings?.targetUrl !== targetUrl) {
        const throttling = settings?.throttling ?? { maxConcurrentRequests: MOST_CONCURRENT_REQUESTS };
        await calls.changeSettings({ targetUrl, throttling });
        changes.push({ what: `target URL ${targetUrl}`, action: 'set' });
      }
      for (const { what, wanted, has } of pair(subscriptions)) {
        if (wanted && !has) {
          await attempt(changes, what, 'created', async () => {
            const { id, active } = await calls.subscribe(wanted);
            if (!active) await calls.activate(id);
          });
        }
        if (wanted && has && !has.active)
          await attempt(changes, what, 'activated', () => calls.activate(has.id));
        if (!wanted && has && deleteUndeclared)
          await attempt(changes, what, 'deleted', () => calls.unsubscribe(has.id));
      }
      return changes;
    },

    /** Writes the file of a project app. Keeps its target URL when this server has no public URL. */
    writeProject: (folder: string, deleteUndeclared: boolean): Promise<ProjectFileChange> =>
      changeProjectFile(folder, wantedSubscriptions(handlers), {
        targetUrl: targetUrl.startsWith('https:') ? targetUrl : undefined,
        deleteUndeclared,
      }),
  };

  function needApi(): WebhookSettingsApi {
    if (api) return api;
    throw new AppError(
      409,
      'developer_key_missing',
      'HUBSPOT_DEVELOPER_API_KEY is not set; the subscriptions of a legacy app need the developer account’s API key. ' +
        'For a project app, which declares them in its project, use --project.',
    );
  }

  async function read(): Promise<{
    settings: WebhookSettings | undefined;
    subscriptions: WebhookSubscription[];
  }> {
    const calls = needApi();
    return { settings: await calls.settings(), subscriptions: await calls.subscriptions() };
  }

  /** The wanted subscriptions, each with HubSpot's; then HubSpot's other ones. */
  function pair(subscriptions: readonly WebhookSubscription[]) {
    const has = new Map(subscriptions.map((subscription) => [subscriptionKey(subscription), subscription]));
    const wanted = new Map(
      wantedSubscriptions(handlers).map((subscription) => [subscriptionKey(subscription), subscription]),
    );
    return [...new Set([...wanted.keys(), ...has.keys()])].map((key) => {
      const described: WantedSubscription | WebhookSubscription | undefined = wanted.get(key) ?? has.get(key);
      return {
        what: key,
        type: described?.eventType ?? '',
        objectType: described?.objectTypeId ?? undefined,
        property: described?.propertyName ?? undefined,
        wanted: wanted.get(key),
        has: has.get(key),
      };
    });
  }
}

async function attempt(
  changes: AppliedChange[],
  what: string,
  action: AppliedChange['action'],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
    changes.push({ what, action });
  } catch (error) {
    if (!(error instanceof HubSpotError) || error.status === 401) throw error;
    changes.push({ what, action: 'failed', problem: error.message });
  }
}
