import { z } from 'zod';
import type { ApiError } from '../api/api-error.ts';
import type { Portal } from '../state/portals.ts';
import type { ChangeSource } from '../state/record.ts';
import { editableProperties } from './contact-fields.ts';

const form = z.partialRecord(z.enum(editableProperties), z.string().trim()).catch({});

/** The contact properties among the fields of a posted form. */
export function postedProperties(body: unknown): Record<string, string> {
  const fields = typeof body === 'object' && body !== null ? body : {};
  const known = Object.entries(fields).filter(([name]) => editableProperties.some((field) => field === name));
  return form.parse(Object.fromEntries(known)) as Record<string, string>;
}

/** The user is the source of changes on a page. */
export function uiSource({ user }: Portal): ChangeSource {
  return { changeSource: 'CRM_UI', sourceId: `userId:${user.id}` };
}

export function problemText(error: ApiError): string {
  return error.fields.errors?.map(({ message }) => message).join(' ') ?? error.message;
}
