import { z } from 'zod';
import type { HubSpotError } from '../hubspot/errors.ts';

/** HubSpot documents every field of a detail as optional. */
const detail = z.object({
  message: z.string(),
  in: z.string().optional().catch(undefined),
  context: z
    .object({ propertyName: z.array(z.string()) })
    .partial()
    .catch({}),
});

/** What HubSpot refused, with a line for each field that it names and the message does not. */
export function explainRefusal({ message, errors }: HubSpotError): string {
  const details = errors.flatMap((error) => {
    const { data } = detail.safeParse(error);
    if (!data || message.includes(data.message)) return [];
    const field = data.context.propertyName?.join(', ') ?? data.in;
    return field === undefined || data.message.includes(field) ? data.message : `${field}: ${data.message}`;
  });
  return [message, ...new Set(details)].join('\n  ');
}
