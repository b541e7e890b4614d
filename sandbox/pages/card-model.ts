import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { recordQuery, withQuery } from '../signed-fetch.ts';
import type { CrmRecord } from '../state/record.ts';
import type { OutgoingResult } from '../webhooks/signed-request.ts';
import { type CardAction, cardSchema } from './card-schema.ts';
import { cardValue } from './card-value.ts';

/** The data of the card's view: the card, or the problem with it. */
export function cardModel(ctx: SandboxContext, record: CrmRecord, answer: OutgoingResult) {
  if (answer.status !== 200) return { problem: statusProblem(answer) };
  const parsed = cardSchema.safeParse(jsonOf(answer.body));
  if (!parsed.success) {
    return { problem: { message: 'The answer is not a card.', hint: z.prettifyError(parsed.error) } };
  }
  const { results, primaryAction, secondaryActions, settingsAction, ...rest } = parsed.data;
  const all = [
    primaryAction,
    settingsAction,
    ...secondaryActions,
    ...results.flatMap(({ actions }) => actions),
  ];
  const foreign = all.find((action) => action && !isOfApp(ctx, action.uri));
  if (foreign) {
    const hint = `HubSpot refuses the whole card when an action leads outside the app's own addresses: ${foreign.uri}`;
    return { problem: { message: 'An action leads elsewhere.', hint } };
  }
  const button = (action: CardAction | undefined) => action && actionButton(ctx, record, action);
  return {
    card: {
      results: results.map(({ title, link, properties, actions }) => ({
        title,
        link,
        properties: properties.map((property) => ({ label: property.label, ...cardValue(property) })),
        actions: actions.map(button),
      })),
      primary: button(primaryAction),
      secondary: secondaryActions.map(button),
      settings: button(settingsAction),
      more: rest.totalCount !== undefined && rest.totalCount > results.length ? rest : undefined,
    },
  };
}

/** Actions may only lead to the app. */
export function isOfApp({ settings }: SandboxContext, uri: string): boolean {
  const { serverUrl, cardUrl } = settings.get();
  return [serverUrl, cardUrl].some((url) => new URL(url).origin === new URL(uri).origin);
}

/** The page's script opens `frame` in a dialog and sends `hook` back to the sandbox, which signs and sends it. */
function actionButton(ctx: SandboxContext, record: CrmRecord, action: CardAction) {
  if (action.type !== 'IFRAME') return { label: action.label, hook: JSON.stringify(action) };
  const { label, uri, width, height, associatedObjectProperties } = action;
  const query = recordQuery(ctx, record, associatedObjectProperties);
  const own = new URL(uri).searchParams;
  for (const name of own.keys()) query.delete(name);
  return { label, frame: { url: withQuery(uri, query), width, height } };
}

/** The error message of this project's app. */
export const appError = z.object({ error: z.object({ message: z.string() }) });

function statusProblem({ status, problem, body }: OutgoingResult) {
  if (status === 0) return { message: 'The app did not answer.', hint: `${problem}. Is it running?` };
  const hints: Record<number, string> = {
    401: 'The app refused the signature: its SERVER_URL and client secret must be those that the sandbox uses.',
    403: 'The app refused the request. It may not be installed in this account.',
    404: 'The app has no card at this address.',
  };
  const own = appError.safeParse(jsonOf(body));
  // For an invalid signature the app gives no reason.
  const said = own.success && status !== 401 ? `It says: ${own.data.error.message}` : undefined;
  const hint = said ?? hints[status] ?? 'A card must answer with status 200 and JSON within five seconds.';
  return { message: `The app answered with status ${status}.`, hint };
}

export function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
