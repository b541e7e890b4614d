import type { Project } from './project.ts';

/** How HubSpot knows the app. URLs are absolute; `rateLimit` counts requests per 10 s and portal. */
export interface AppSettings {
  appId: number;
  name: string;
  description: string;
  clientId: string;
  clientSecret: string;
  /** Of the developer account, for the webhooks management API: `?hapikey=`. */
  developerApiKey: string;
  requiredScopes: string[];
  optionalScopes: string[];
  serverUrl: string;
  redirectUrls: string[];
  webhookTargetUrl: string;
  cardUrl: string;
  eventDetailsUrl: string;
  /** A refresh returns a new refresh token; the old one works until the new one has been used. */
  rotateRefreshTokens: boolean;
  maxConcurrentRequests: number;
  /** `null` turns the limit off. */
  rateLimit: number | null;
  /** Search requests per second and portal; `null` turns the limit off. */
  searchRateLimit: number | null;
}

export type AppSettingsChange = Partial<
  Omit<AppSettings, 'appId' | 'name' | 'description' | 'clientId' | 'clientSecret' | 'developerApiKey'>
>;

export interface AppSettingsStore {
  get(): AppSettings;
  change(change: AppSettingsChange): AppSettings;
  /** Resets to the defaults; keeps the URLs, because the app does not move. */
  reset(): void;
}

export function createAppSettings(project: Project, serverUrl: string): AppSettingsStore {
  const behaviour = {
    requiredScopes: project.requiredScopes,
    optionalScopes: project.optionalScopes,
    rotateRefreshTokens: false,
    maxConcurrentRequests: project.maxConcurrentRequests,
    rateLimit: 110,
    searchRateLimit: 5,
  };
  let settings: AppSettings = {
    appId: 193354,
    name: project.appName,
    description: project.appDescription,
    clientId: 'sandbox-client-id',
    clientSecret: 'sandbox-client-secret',
    developerApiKey: 'sandbox-developer-key',
    ...urlsBelow(serverUrl),
    ...behaviour,
  };

  return {
    get: () => settings,
    change(change) {
      const urls = change.serverUrl === undefined ? {} : urlsBelow(change.serverUrl);
      const { serverUrl: _, ...rest } = change;
      settings = { ...settings, ...urls, ...rest };
      return settings;
    },
    reset() {
      settings = { ...settings, ...behaviour };
    },
  };
}

function urlsBelow(serverUrl: string) {
  const base = serverUrl.replace(/\/+$/, '');
  return {
    serverUrl: base,
    redirectUrls: [`${base}/oauth-callback`],
    webhookTargetUrl: `${base}/webhook`,
    cardUrl: `${base}/crm-extension`,
    eventDetailsUrl: `${base}/events/%s`,
  };
}
