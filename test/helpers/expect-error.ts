import { expect } from '@jest/globals';

interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly requestId: string };
}

/** Every error of the API has one shape, and the id under which the operator finds it. @returns its message. */
export async function expectError(answer: Response, status: number, code: string): Promise<string> {
  const body = (await answer.json()) as ErrorBody;
  expect([answer.status, body.error?.code, body.error?.message]).toEqual([status, code, expect.any(String)]);
  expect(Object.keys(body)).toEqual(['error']);
  expect(Object.keys(body.error)).toEqual(['code', 'message', 'requestId']);
  expect(body.error.requestId).toBe(answer.headers.get('x-request-id'));
  return body.error.message;
}
