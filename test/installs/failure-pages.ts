import { describe, expect, it } from '@jest/globals';
import { PROGRAM, type Step, take, type useInstallBrowser } from './install-browser.ts';

export interface InstallFailure {
  readonly what: string;
  /** Does all but the last step. */
  readonly reach: () => Promise<Step | string>;
  readonly status: number;
  readonly code: string;
  readonly heading: string;
  /** True when another install would fail alike. */
  readonly isPermanent?: boolean;
}

/** Tests the page and the JSON of each failure. */
export function describeFailures(
  failures: readonly InstallFailure[],
  { stored }: ReturnType<typeof useInstallBrowser>,
) {
  describe.each(failures)('an install: $what', ({ reach, status, code, heading, isPermanent = false }) => {
    const reached = async (): Promise<Step> => {
      const step = await reach();
      return typeof step === 'string' ? { url: step } : step;
    };

    it(`ends with ${status} and a page with the reason and whether starting again helps`, async () => {
      const step = await reached();
      const before = await stored();
      const answer = await take(step);
      expect(answer.status).toBe(status);
      expect(answer.get('content-type')).toBe('text/html; charset=utf-8');
      expect(answer.get('cache-control')).toBe('no-store');
      const text = answer.text;
      expect(text).toContain(`<h1>${heading}</h1>`);
      expect(text).toContain(`<title>${heading}</title>`);
      expect(text.includes('<a role="button" href="/install">Start again</a>')).toBe(!isPermanent);
      expect(text.includes('Starting again does not help')).toBe(isPermanent);
      expect(text).toContain(answer.get('x-request-id'));
      expect(text).not.toMatch(/<script>alert|<img src=x/);
      expectNothingRepeated(text, step.url);
      expect(await stored()).toEqual(before);
    });

    it(`ends with ${code} in JSON for programs`, async () => {
      const step = await reached();
      const answer = await take(step, PROGRAM);
      const body = answer.body;
      expect([answer.status, body.error.code]).toEqual([status, code]);
      expect(body.error.requestId).toBe(answer.get('x-request-id'));
      expectNothingRepeated(JSON.stringify(body), step.url);
    });
  });
}

/** Nothing but HubSpot's reason comes back in the answer: no code or state that could be read on. */
function expectNothingRepeated(text: string, url: string) {
  for (const [name, value] of new URL(url).searchParams) {
    if (value.length > 6 && !name.startsWith('error')) expect(text).not.toContain(value);
  }
}
