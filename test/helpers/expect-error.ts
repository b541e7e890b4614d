import { expect } from '@jest/globals';
import type { Response as TestResponse } from 'supertest';

interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly requestId: string };
}

/** Every error of the API has the same fields, with the id under which the operator finds it. @returns its message. */
export async function expectError(
  answer: Response | TestResponse,
  status: number,
  code: string,
): Promise<string> {
  const isFetched = answer instanceof Response;
  const body = (isFetched ? await answer.json() : answer.body) as ErrorBody;
  expect([answer.status, body.error?.code, body.error?.message]).toEqual([status, code, expect.any(String)]);
  expect(Object.keys(body)).toEqual(['error']);
  expect(Object.keys(body.error)).toEqual(['code', 'message', 'requestId']);
  const id = isFetched ? answer.headers.get('x-request-id') : answer.headers['x-request-id'];
  expect(body.error.requestId).toBe(id);
  return body.error.message;
}
