import { notePlace } from '../base/definition-place.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import type { InstallStatus } from '../installs/index.ts';
import type { Enqueue } from '../jobs/index.ts';

/** Which record HubSpot shows the card on. Only `portalId` is signed by HubSpot; check the rest against the portal. */
export interface CardRequest {
  readonly portalId: number;
  /** One of the card's `objectTypes`, in upper case, such as CONTACT. */
  readonly objectType: string;
  readonly objectId: string;
}

/** What each function of a card gets. */
export interface PortalContext {
  /** HubSpot's APIs, authorised for the portal of the request. */
  readonly hubspot: PortalClient;
  /** The portal's install, read on each call: `(await install()).has('crm.objects.contacts.write')`. */
  readonly install: () => Promise<InstallStatus>;
}

export interface CardContext<Action extends string = string> extends PortalContext {
  /**
   * Address of the card's page for this record, with a ticket that lets the browser in for 15 minutes.
   * @throws {Error} when the card has no `page`.
   */
  readonly pageUrl: () => string;
  /** Address of one of the card's own actions, for the `uri` of a {@link HookAction}. */
  readonly actionUrl: (action: Action) => string;
}

export interface CardActionContext extends PortalContext {
  /** Queues a job of the integration. */
  readonly enqueue: Enqueue;
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

/** HubSpot may call it twice for one click: make it idempotent. */
export type CardActionHandler = (
  request: CardActionRequest,
  context: CardActionContext,
) => Promise<CardActionAnswer>;

/** The page behind a card's IFRAME action. */
export interface CardPage {
  /** Name of a file in `integration/views/`, without `.hbs`. */
  readonly view: string;
  /** The card's title by default. */
  readonly title?: string;
  /** What the view shows. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface Card<Action extends string = string> {
  /** Last part of the card's address: `/crm-extension/<name>`. */
  readonly name: string;
  readonly title: string;
  /** Types of the records that it is shown on: CONTACT, COMPANY, DEAL, TICKET, or the id of another, such as 2-1234. */
  readonly objectTypes: readonly [string, ...string[]];
  /** HubSpot times out after 5 seconds and may retry; calls through `hubspot` end within 4, all together. */
  render(request: CardRequest, context: CardContext<Action>): Promise<CardAnswer>;
  /** What its action hooks do, by the last part of their address: `/crm-extension/<card>/actions/<action>`. */
  readonly actions?: { readonly [Name in Action]: CardActionHandler };
  /** Only HubSpot can show it, on a record of the card's own object types. */
  page?(request: CardRequest, context: PortalContext): Promise<CardPage>;
}

/** A card as the registry holds it, whatever its actions. */
// biome-ignore lint/suspicious/noExplicitAny: a card's own actions are the names that its render knows.
export type AnyCard = Card<any>;

/** Types `actionUrl` by the names of `actions`. */
export function defineCard<Action extends string = never>(card: Card<Action>): Card<Action> {
  return notePlace(card);
}

/** Types what `render` answers where it is written, so that the compiler's message names the wrong value. */
export const cardAnswer = (answer: CardAnswer): CardAnswer => answer;

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
