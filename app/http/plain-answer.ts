import { randomUUID } from 'node:crypto';
import { ANSWER_HEADERS } from './security-headers.ts';

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** An error answer where there is no Express response, with the same body and headers as all errors of this server. */
export function plainAnswer({ code, message }: Problem, requestId: string = randomUUID()) {
  const body = JSON.stringify({ error: { code, message, requestId } });
  const headers = {
    ...ANSWER_HEADERS,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'X-Request-Id': requestId,
  };
  return { requestId, headers, body };
}
