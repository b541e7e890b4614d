import { defineHandler, type WebhookContext } from '../../app/webhooks/handler.ts';
import { laneOf } from '../../app/webhooks/pipeline/lanes.ts';

export type Handle = (objectId: number, context: WebhookContext) => Promise<void>;

/** A handler for changes of contacts. */
export const onChange = (name: string, handle: Handle) =>
  defineHandler({
    name,
    on: 'contact.propertyChange',
    when: { properties: ['phone', 'email'] },
    handle: (event, context) => handle(Number(event.objectId), context),
  });

/** A contact from 200 on that shares the lane of this one. */
export function neighbourOf(objectId: number): number {
  const lane = (id: number) => laneOf(`62515:contact:${id}`);
  for (let other = 200 + objectId; ; other += 1) if (lane(other) === lane(objectId)) return other;
}
