import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Context } from '../context.ts';
import type { Output } from './output.ts';

/** What a command is given: the app, opened for it and closed after it, and where to print. */
export interface Tools {
  /** @param options `database: false` for work that needs none. */
  withContext<T>(work: (ctx: Context) => Promise<T>, options?: { database?: boolean }): Promise<T>;
  output(): Output;
}

/** Adds one group of commands to the program. */
export type CommandGroup = (program: Command, tools: Tools) => void;

/** The command could not do what it was asked; the message is all that is shown. Exit code 1. */
export class ProblemError extends Error {}

export function limitArgument(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 999999.');
  return Number(text);
}

/** A whole number, from `least` on. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    if (!/^\d{1,15}$/.test(text) || Number(text) < least)
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
    return Number(text);
  };

export function portalArgument(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new InvalidArgumentError('It must be the number of a HubSpot account.');
  return Number(text);
}
