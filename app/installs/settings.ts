/** What installs need to know about this app and its settings. */
export interface AppSettings {
  readonly appId: number;
  readonly clientId: string;
  /** Newest first. */
  readonly clientSecrets: readonly string[];
  readonly redirectUri: string;
  readonly authorizeUrl: string;
  readonly scopes: readonly string[];
  readonly optionalScopes: readonly string[];
}
