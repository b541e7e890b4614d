import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Context } from '../context.ts';
import type { WebhookSubscriptions } from '../webhooks/index.ts';
import type { Output } from './output.ts';

/** What a command gets: the app, opened before and closed after it, and its output. */
export interface Tools {
  /** @param options `database: false` for work that needs no database. */
  withContext<T>(work: (ctx: Context) => Promise<T>, options?: { database?: boolean }): Promise<T>;
  /** The subscriptions of the handlers, without settings, for a command that only writes the project. */
  projectSubscriptions(): Promise<Pick<WebhookSubscriptions, 'writeProject'>>;
  output(): Output;
  /** @throws {ProblemError} unless the user confirms. */
  confirm(consequence: string): Promise<void>;
  /** Reads it from standard input or from the terminal without echo; '' when there is none. */
  readSecret(question: string): Promise<string>;
}

/** Options of a command that needs confirmation. */
export interface Consent {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** Adds a group of commands to the program. */
export type CommandGroup = (program: Command, tools: Tools) => void;

/** The command failed. Only the message is printed; exit code 1. */
export class ProblemError extends Error {}

export const withYes = (command: Command): Command =>
  command.option('--yes', 'do not ask for confirmation; required without a terminal');

/** The action of a destructive command: it needs confirmation, unless `--yes` or `--dry-run` is given. */
export function destructiveAction<Action extends (...args: never[]) => void | Promise<void>>(
  { confirm }: Tools,
  command: Command,
  consequence: (...args: Parameters<Action>) => string | Promise<string>,
  action: Action,
): void {
  withYes(command).action(async (...all: unknown[]) => {
    // Commander passes the arguments, the options, and the command itself.
    const args = all.slice(0, -1) as Parameters<Action>;
    const { yes, dryRun } = all.at(-2) as Consent;
    if (!yes && !dryRun) await confirm(await consequence(...args));
    await action(...args);
  });
}

export function limitArgument(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 999999.');
  return Number(text);
}

/** A whole number of at least `least`. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    if (!/^\d{1,15}$/.test(text) || Number(text) < least)
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
    return Number(text);
  };

export function portalArgument(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new InvalidArgumentError('It must be the id of a HubSpot account.');
  return Number(text);
}
