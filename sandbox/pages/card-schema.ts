import { z } from 'zod';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const named = {
  uri: z.url(),
  label: z.string(),
  associatedObjectProperties: z.array(z.string()).default([]),
};
const httpMethod = z.enum(['GET', 'POST', 'PUT', 'DELETE', 'PATCH']);

/** The actions of a card, HubSpot's "results" shape. */
export const actionSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('IFRAME'), width: z.number(), height: z.number(), ...named }),
  z.object({ type: z.literal('ACTION_HOOK'), httpMethod, ...named }),
  z.object({
    type: z.literal('CONFIRMATION_ACTION_HOOK'),
    httpMethod,
    confirmationMessage: z.string(),
    confirmButtonText: z.string().default('Confirm'),
    cancelButtonText: z.string().default('Cancel'),
    ...named,
  }),
]);
export type CardAction = z.infer<typeof actionSchema>;

const propertySchema = z.object({
  label: z.string(),
  dataType: z.string(),
  value: text.nullable(),
  currencyCode: z.string().optional(),
  linkLabel: z.string().optional(),
  optionType: z.string().optional(),
});
export type CardProperty = z.infer<typeof propertySchema>;

const resultSchema = z.object({
  objectId: z.union([z.number(), z.string().regex(/^\d+$/)]),
  title: z.string(),
  link: z.string().nullish(),
  properties: z.array(propertySchema).default([]),
  actions: z.array(actionSchema).default([]),
});

export const cardSchema = z.object({
  results: z.array(resultSchema).max(5, 'a card shows at most 5 results'),
  primaryAction: actionSchema.optional(),
  secondaryActions: z.array(actionSchema).default([]),
  settingsAction: actionSchema.optional(),
  totalCount: z.number().optional(),
  itemLabel: z.string().optional(),
  allItemsLink: z.url().optional(),
});
