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

/** One subscription as HubSpot has it and as the handlers want it. */
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
    /** The setting that says so. */
    readonly setting: 'SERVER_URL' | 'WEBHOOK_URL';
  };
  readonly subscriptions: readonly ComparedSubscription[];
}

/** What `apply` did with one of the above, or with the target URL. */
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
  /** The base of the webhook target URL, where it is not the server's. */
  webhookUrl: string | undefined;
  apiUrl: string;
}

/** What HubSpot is to send, known from the handlers. */
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

    /**
     * Makes HubSpot's side of a legacy app what the handlers want. One refused subscription does not keep the others
     * from being made.
     */
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
          await note(changes, what, 'created', async () => {
            const { id, active } = await calls.subscribe(wanted);
            if (!active) await calls.activate(id);
          });
        }
        if (wanted && has && !has.active)
          await note(changes, what, 'activated', () => calls.activate(has.id));
        if (!wanted && has && deleteUndeclared)
          await note(changes, what, 'deleted', () => calls.unsubscribe(has.id));
      }
      return changes;
    },

    /** Writes a project app's file. Its target URL stays where this server has no public one. */
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
      'HUBSPOT_DEVELOPER_API_KEY is not set: the developer account’s API key opens a legacy app’s subscriptions. ' +
        'A project app declares them in its project instead: use --project.',
    );
  }

  async function read(): Promise<{
    settings: WebhookSettings | undefined;
    subscriptions: WebhookSubscription[];
  }> {
    const calls = needApi();
    return { settings: await calls.settings(), subscriptions: await calls.subscriptions() };
  }

  /** What is wanted, with what HubSpot has of it; then what HubSpot has besides. */
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

async function note(
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
