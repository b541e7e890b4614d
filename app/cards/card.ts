import type { PortalClient } from '../hubspot/portal-client.ts';
import type { InstallStatus } from '../installs/index.ts';

/** Which record HubSpot shows the card on. Only `portalId` is HubSpot's word; check the rest against the portal. */
export interface CardRequest {
  readonly portalId: number;
  /** Upper case, such as CONTACT. */
  readonly objectType: string;
  readonly objectId: string;
}

export interface CardContext {
  /** HubSpot's APIs, authorised for the portal of the request. */
  readonly hubspot: PortalClient;
  /** The portal's install, read when asked for: `(await install()).has('crm.objects.contacts.write')`. */
  readonly install: () => Promise<InstallStatus>;
  /** Address of the iframe page for this record, with a ticket that lets the browser in for 15 minutes. */
  readonly pageUrl: () => string;
  /** Address of one of the card's own actions, for the `uri` of a {@link HookAction}. */
  readonly actionUrl: (action: string) => string;
}

/** Somebody clicked a button of the card. All but `portalId` came over the browser: check it against the portal. */
export interface CardActionRequest extends CardRequest {
  readonly userId: string | undefined;
  readonly userEmail: string | undefined;
  /** Values of the properties that the action names in `associatedObjectProperties`. */
  readonly properties: Readonly<Record<string, string>>;
}

/** The message that the person who clicked sees. */
export interface CardActionAnswer {
  readonly message: string;
}

/** May be called twice for one click, so it should be idempotent. */
export type CardActionHandler = (
  request: CardActionRequest,
  context: Pick<CardContext, 'hubspot' | 'install'>,
) => Promise<CardActionAnswer>;

export interface Card {
  /** Last part of the card's address: `/crm-extension/<name>`. */
  readonly name: string;
  /** Types of the records that it is shown on: CONTACT, COMPANY, DEAL, TICKET, or the id of another, such as 2-1234. */
  readonly objectTypes: readonly [string, ...string[]];
  /** HubSpot gives up after 5 seconds and may ask again; calls through `hubspot` end within 4, all together. */
  readonly render: (request: CardRequest, context: CardContext) => Promise<CardAnswer>;
  /** What its action hooks do, by the last part of their address: `/crm-extension/<card>/actions/<action>`. */
  readonly actions?: Readonly<Record<string, CardActionHandler>>;
}

/** @see platform: the card JSON that HubSpot's card converter renders ("results" shape) */
export interface CardAnswer {
  readonly responseVersion?: 'v1';
  readonly results: readonly CardRecord[];
  readonly totalCount?: number;
  readonly primaryAction?: CardAction;
  readonly secondaryActions?: readonly CardAction[];
  readonly settingsAction?: IframeAction;
}

export interface CardRecord {
  /** Unique within the answer. */
  readonly objectId: number;
  readonly title: string;
  readonly link: string | null;
  readonly properties?: readonly CardProperty[];
  readonly actions?: readonly CardAction[];
}

export type CardProperty = { readonly label: string; readonly value: string | number } & (
  | { readonly dataType: 'STRING' | 'EMAIL' | 'NUMERIC' | 'DATE' | 'DATETIME' }
  | {
      readonly dataType: 'STATUS';
      readonly optionType: 'DEFAULT' | 'SUCCESS' | 'WARNING' | 'DANGER' | 'INFO';
    }
  | { readonly dataType: 'CURRENCY'; readonly currencyCode: string }
  | { readonly dataType: 'LINK'; readonly linkLabel: string }
);

export interface IframeAction {
  readonly type: 'IFRAME';
  readonly width: number;
  readonly height: number;
  readonly uri: string;
  readonly label: string;
  readonly associatedObjectProperties: readonly string[];
}

export interface HookAction {
  readonly type: 'ACTION_HOOK' | 'CONFIRMATION_ACTION_HOOK';
  readonly httpMethod: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly uri: string;
  readonly label: string;
  readonly associatedObjectProperties: readonly string[];
  readonly confirmationMessage?: string;
  readonly confirmButtonText?: string;
  readonly cancelButtonText?: string;
}

export type CardAction = IframeAction | HookAction;
