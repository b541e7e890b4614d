import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Context } from '../context.ts';
import type { WebhookSubscriptions } from '../webhooks/index.ts';
import type { Output } from './output.ts';

/** What a command is given: the app, opened before it and closed after it, and where to print. */
export interface Tools {
  /** @param options `database: false` for work that needs none. */
  withContext<T>(work: (ctx: Context) => Promise<T>, options?: { database?: boolean }): Promise<T>;
  /** What the handlers subscribe to, without settings, for a command that only writes the project. */
  projectSubscriptions(): Pick<WebhookSubscriptions, 'writeProject'>;
  output(): Output;
  /** @throws {ProblemError} unless the person at the terminal agrees. */
  confirm(consequence: string): Promise<void>;
  /** From standard input, or typed at the terminal without being shown; '' when there is none. */
  readSecret(question: string): Promise<string>;
}

/** Options of a command that is confirmed. */
export interface Consent {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** Adds one group of commands to the program. */
export type CommandGroup = (program: Command, tools: Tools) => void;

/** The command could not do what it was asked; the message is all that is shown. Exit code 1. */
export class ProblemError extends Error {}

export const withYes = (command: Command): Command =>
  command.option('--yes', 'do it without being asked; needed where there is no terminal');

/** The action of a command that destroys something: asked for before it begins, unless `--yes` or `--dry-run` is given. */
export function destructiveAction<Action extends (...args: never[]) => void | Promise<void>>(
  { confirm }: Tools,
  command: Command,
  consequence: (...args: Parameters<Action>) => string | Promise<string>,
  action: Action,
): void {
  withYes(command).action(async (...all: unknown[]) => {
    // Commander hands over the arguments, the options, and the command itself.
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
