import {
  Alert,
  Button,
  Divider,
  Flex,
  Heading,
  hubspot,
  Link,
  LoadingSpinner,
  StatusTag,
  Text,
} from '@hubspot/ui-extensions';
import { useCallback, useEffect, useState } from 'react';
import type { ActionAnswer, CardAction, CardData, CardProperty, Failure } from './card-data';

const CARD_URL = 'https://app.example.com/crm-extension';
const OBJECT_TYPES: Record<string, string> = {
  '0-1': 'CONTACT',
  '0-2': 'COMPANY',
  '0-3': 'DEAL',
  '0-5': 'TICKET',
};
const PROPERTIES = ['email', 'firstname', 'lastname'];
const TAG_VARIANTS: Record<string, 'default' | 'success' | 'warning' | 'danger' | 'info'> = {
  DEFAULT: 'default',
  SUCCESS: 'success',
  WARNING: 'warning',
  DANGER: 'danger',
  INFO: 'info',
};

hubspot.extend<'crm.record.sidebar'>(({ context, actions }) => (
  <AppCard context={context} actions={actions} />
));

function AppCard({ context, actions }) {
  const [card, setCard] = useState<CardData>();
  const [problem, setProblem] = useState<string>();

  // The record's values go to the app with every call; the app checks the portal by HubSpot's signature.
  const recordValues = useCallback(
    async (names: string[]) => {
      const properties = names.length > 0 ? await actions.fetchCrmObjectProperties(names) : {};
      const values = {
        userId: String(context.user.id),
        userEmail: context.user.email,
        associatedObjectId: String(context.crm.objectId),
        associatedObjectType: OBJECT_TYPES[context.crm.objectTypeId] ?? context.crm.objectTypeId,
        portalId: String(context.portal.id),
        ...properties,
      };
      return Object.fromEntries(Object.entries(values).filter(([, value]) => value));
    },
    [actions, context],
  );

  const load = useCallback(async () => {
    try {
      const query = new URLSearchParams(await recordValues(PROPERTIES));
      const response = await hubspot.fetch(`${CARD_URL}?${query}`, { method: 'GET', timeout: 5000 });
      // An error page of a proxy is no JSON.
      const answer: CardData & Failure = await response.json().catch(() => ({}));
      if (!response.ok)
        throw new Error(answer.error?.message ?? `The app answered with status ${response.status}.`);
      if (!answer.results) throw new Error('The app did not answer with a card.');
      setCard(answer);
      setProblem(undefined);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }, [recordValues]);

  useEffect(() => {
    load();
    actions.onCrmPropertiesUpdate(PROPERTIES, load);
  }, [actions, load]);

  const run = async (action: CardAction) => {
    const query = new URLSearchParams(await recordValues(action.associatedObjectProperties ?? []));
    const separator = action.uri.includes('?') ? '&' : '?';
    const uri = `${action.uri}${separator}${query}`;
    if (action.type === 'IFRAME') {
      // HubSpot calls back when the framed page posts {"action": "DONE"} or "CANCEL".
      actions.openIframeModal({ uri, title: action.label, width: action.width, height: action.height }, load);
      return;
    }
    const hasBody = !['GET', 'DELETE'].includes(action.httpMethod);
    const body = hasBody ? Object.fromEntries(query) : undefined;
    try {
      const response = await hubspot.fetch(uri, { method: action.httpMethod, timeout: 5000, body });
      const { message, error }: ActionAnswer & Failure = await response.json();
      actions.addAlert(
        response.ok
          ? { type: 'success', message: message ?? action.label }
          : { type: 'danger', message: error?.message ?? `"${action.label}" did not work.` },
      );
    } catch {
      actions.addAlert({ type: 'danger', message: `"${action.label}" did not work.` });
    }
    await load();
  };

  if (problem) {
    return (
      <Alert title="The card could not be loaded" variant="error">
        {problem}
      </Alert>
    );
  }
  if (!card) return <LoadingSpinner label="Loading" />;
  const { primaryAction, secondaryActions = [], settingsAction } = card;
  const others = settingsAction ? [...secondaryActions, settingsAction] : secondaryActions;
  return (
    <Flex direction="column" gap="small">
      {card.results.map((result) => (
        <Flex key={result.objectId} direction="column" gap="extra-small">
          {result.link ? <Link href={result.link}>{result.title}</Link> : <Heading>{result.title}</Heading>}
          {(result.properties ?? []).map((property) => (
            <Property key={property.label} property={property} />
          ))}
          <Actions list={result.actions ?? []} run={run} />
          <Divider />
        </Flex>
      ))}
      {card.results.length === 0 && <Text>There is nothing to show for this contact.</Text>}
      {primaryAction && (
        <Button variant="primary" onClick={() => run(primaryAction)}>
          {primaryAction.label}
        </Button>
      )}
      <Actions list={others} run={run} />
    </Flex>
  );
}

function Actions({ list, run }: { list: CardAction[]; run: (action: CardAction) => void }) {
  return list.map((action) => <ActionButton key={action.label} action={action} run={run} />);
}

function ActionButton({ action, run }: { action: CardAction; run: (action: CardAction) => void }) {
  const [asking, setAsking] = useState(false);
  if (action.type !== 'CONFIRMATION_ACTION_HOOK')
    return <Button onClick={() => run(action)}>{action.label}</Button>;
  if (!asking) return <Button onClick={() => setAsking(true)}>{action.label}</Button>;
  const confirm = () => {
    setAsking(false);
    run(action);
  };
  return (
    <Flex direction="column" gap="extra-small">
      <Text>{action.confirmationMessage}</Text>
      <Flex gap="small">
        <Button variant="destructive" onClick={confirm}>
          {action.confirmButtonText}
        </Button>
        <Button onClick={() => setAsking(false)}>{action.cancelButtonText}</Button>
      </Flex>
    </Flex>
  );
}

function Property({ property }: { property: CardProperty }) {
  return (
    <Flex justify="between" gap="small">
      <Text variant="microcopy">{property.label}</Text>
      <Value property={property} />
    </Flex>
  );
}

function Value({
  property: { dataType, value, currencyCode, linkLabel, optionType },
}: {
  property: CardProperty;
}) {
  if (value === null || value === '') return <Text>–</Text>;
  switch (dataType) {
    case 'STATUS':
      return (
        <StatusTag variant={TAG_VARIANTS[optionType ?? 'DEFAULT'] ?? 'default'}>{String(value)}</StatusTag>
      );
    case 'LINK':
      return <Link href={String(value)}>{linkLabel ?? String(value)}</Link>;
    case 'EMAIL':
      return <Link href={`mailto:${value}`}>{String(value)}</Link>;
    case 'CURRENCY':
      return (
        <Text>
          {Number(value).toLocaleString('en', { style: 'currency', currency: currencyCode ?? 'USD' })}
        </Text>
      );
    case 'DATE':
      return <Text>{new Date(String(value)).toLocaleDateString('en', { timeZone: 'UTC' })}</Text>;
    case 'DATETIME':
      return <Text>{new Date(Number(value)).toLocaleString('en')}</Text>;
    default:
      return <Text>{String(value)}</Text>;
  }
}
