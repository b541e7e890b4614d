import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ...[process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA].flatMap(
    (folder) => (folder ? [path.join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe')] : []),
  ),
];
const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What the browser's console says about a page with an error status, opened on purpose. */
export const ERROR_PAGE = 'the server responded with a status of';

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** A Chromium or Chrome of this machine: `CHROME_PATH`, then the usual names and places. */
export function findBrowser(): string | undefined {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  const folders = [
    '/usr/bin',
    '/usr/local/bin',
    '/snap/bin',
    ...(process.env.PATH ?? '').split(path.delimiter),
  ];
  const candidates = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [...candidates, ...PLACES].find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface Pages {
  /** A page with a new browser profile. Problems in it fail the test, see {@link describeInBrowser}. */
  open(viewport?: { width: number; height: number }): Promise<Page>;
  /** A problem whose text contains this is expected. */
  expectProblem(part: string): void;
}

/**
 * Tests with a real browser. Errors on its console, uncaught exceptions and violations of a content security policy
 * fail the test in which they happen. Without a browser the tests are skipped with a message;
 * REQUIRE_BROWSER=1 makes it a failure.
 */
export function describeInBrowser(name: string, tests: (pages: Pages) => void): void {
  const executablePath = findBrowser();
  if (!executablePath) {
    withoutBrowser(name);
    return;
  }

  describe(name, () => {
    let browser: Browser;
    const contexts: BrowserContext[] = [];
    let problems: string[] = [];
    let expected: string[] = [];

    beforeAll(async () => {
      browser = await chromium.launch({ executablePath, args: ARGS });
    });
    afterEach(async () => {
      await Promise.all(contexts.splice(0).map((context) => context.close()));
      const unexpected = problems.filter((problem) => !expected.some((part) => problem.includes(part)));
      [problems, expected] = [[], []];
      expect(unexpected).toEqual([]);
    });
    afterAll(() => browser?.close());

    tests({
      async open(viewport = DESKTOP) {
        const context = await browser.newContext({ viewport });
        contexts.push(context);
        context.setDefaultTimeout(10_000);
        const page = await context.newPage();
        page.on('console', (message) => {
          if (message.type() === 'error') problems.push(`console: ${message.text()}`);
        });
        page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
        page.on('requestfailed', (request) => {
          const reason = request.failure()?.errorText ?? '';
          // Requests aborted by a navigation or a closed page are not failures.
          if (reason !== 'net::ERR_ABORTED') problems.push(`${request.method()} ${request.url()}: ${reason}`);
        });
        return page;
      },
      expectProblem(part) {
        expected.push(part);
      },
    });
  });
}

function withoutBrowser(name: string): void {
  const reason = 'no Chromium or Chrome was found; set CHROME_PATH to one';
  if (process.env.REQUIRE_BROWSER === '1') {
    it(name, () => {
      throw new Error(`REQUIRE_BROWSER=1, and ${reason}.`);
    });
    return;
  }
  process.stderr.write(`Skipped: ${name} (${reason}).\n`);
  describe.skip(name, () => {
    it('needs a browser', () => {});
  });
}
