import { describe, expect, it } from '@jest/globals';
import type { Card } from '../app/cards/card.ts';
import { checkRegistries } from '../app/services/registry-check.ts';
import { type AnyWebhookHandler, defineHandler } from '../app/webhooks/handler.ts';

const handler = (name: string, on: string, when?: AnyWebhookHandler['when']): AnyWebhookHandler =>
  defineHandler({ name, on: on as 'contact.creation', when, handle: async () => {} });

const card = (name: string): Card => ({
  name,
  objectTypes: ['CONTACT'],
  render: async () => ({ results: [] }),
});

const problems = (handlers: readonly AnyWebhookHandler[], cards: readonly Card[] = []): string => {
  try {
    checkRegistries(handlers, cards);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a handler is refused at start', () => {
  it.each([
    ['contact.creation', { properties: ['email'] }, 'use contact.propertyChange'],
    ['contact.creation', { objectTypeIds: ['0-1'] }, 'use object.creation'],
    ['contact.merge', { properties: [] }, 'when.properties is empty'],
    ['contact.propertyChange', { properties: ['email'], changeSources: [] }, 'when.changeSources is empty'],
    ['contact.propertyChange', undefined, 'list them in when.properties'],
    ['object.creation', undefined, 'list them in when.objectTypeIds'],
    ['deal.propertyChanged', { properties: ['amount'] }, 'did you mean deal.propertyChange?'],
    ['contacts.creation', undefined, 'there is no subscription type contacts.creation'],
  ])('when it listens to %s with %j', (on, when, expected) => {
    const message = problems([handler('odd', on, when)]);
    expect(message).toContain('handler odd: ');
    expect(message).toContain(expected);
  });

  it('when another has its name, and so is a card', () => {
    const message = problems(
      [
        handler('twin', 'contact.creation'),
        handler('twin', 'deal.creation'),
        handler('one', 'deal.creation'),
      ],
      [card('panel'), card('panel'), card('other')],
    );
    expect(message).toContain('2 of them are called twin');
    expect(message).toContain('2 of them are called panel');
    expect(message).not.toMatch(/called (?:one|other)/);
  });
});
