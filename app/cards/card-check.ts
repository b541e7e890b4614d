import { z } from 'zod';
import { aFunction, knownFields, problemOf, reportProblem, sharedNames } from '../base/definition-check.ts';
import type { AnyCard } from './card.ts';

const FITS_URL = /^[\w-]+$/;

const cardShape = knownFields({
  name: z.string('is not a text').regex(FITS_URL, 'has to fit into a URL: use letters, digits, - and _'),
  title: z.string('is not a text').min(1, 'is empty'),
  objectTypes: z
    .array(z.string().regex(/^[\w-]+$/, 'is not an object type, such as CONTACT'), 'is not a list of names')
    .min(1, 'is empty, so the card would be shown nowhere'),
  render: aFunction,
  actions: z
    .record(z.string(), aFunction)
    .refine(
      (actions) => Object.keys(actions).every((name) => FITS_URL.test(name)),
      'has a name that does not fit into a URL: use letters, digits, - and _',
    )
    .optional(),
  page: aFunction.optional(),
});

/** The problems of a vendor's cards, each with its place and name. */
export const cardProblems = (cards: readonly AnyCard[]): string[] => [
  ...cards.flatMap((card, index) => reportProblem('card', card, index, problemOf(cardShape, card))),
  ...sharedNames('cards', cards, ({ objectTypes }) => `for ${objectTypes}`),
];
