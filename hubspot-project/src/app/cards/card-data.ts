/** The JSON of `GET /crm-extension`: the "results" shape of HubSpot's classic cards. */
export interface CardData {
  results: CardResult[];
  primaryAction?: CardAction;
  secondaryActions?: CardAction[];
  settingsAction?: CardAction;
}

export interface CardResult {
  objectId: number;
  title: string;
  link?: string | null;
  properties?: CardProperty[];
  actions?: CardAction[];
}

export interface CardProperty {
  label: string;
  dataType: 'CURRENCY' | 'DATE' | 'DATETIME' | 'EMAIL' | 'LINK' | 'NUMERIC' | 'STATUS' | 'STRING' | 'BOOLEAN';
  value: string | number | boolean | null;
  currencyCode?: string;
  linkLabel?: string;
  optionType?: string;
}

interface ActionBase {
  uri: string;
  label: string;
  associatedObjectProperties?: string[];
}

interface Hook extends ActionBase {
  httpMethod: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
}

export type CardAction =
  | (ActionBase & { type: 'IFRAME'; width: number; height: number })
  | (Hook & { type: 'ACTION_HOOK' })
  | (Hook & {
      type: 'CONFIRMATION_ACTION_HOOK';
      confirmationMessage: string;
      confirmButtonText: string;
      cancelButtonText: string;
    });

/** What an action answers when it did its work. */
export interface ActionAnswer {
  message?: string;
}

/** What the app answers when it did not. */
export interface Failure {
  error?: { code: string; message: string; requestId: string };
}
