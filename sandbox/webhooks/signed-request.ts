import http from 'node:http';
import https from 'node:https';
import got, { type Method } from 'got';
import { type SignatureVersion, signatureHeaders } from './sign.ts';

export interface OutgoingRequest {
  method: string;
  url: string;
  body?: string;
  contentType?: string;
  clientSecret: string;
  versions: readonly SignatureVersion[];
  /** The app's time limit. Default: HubSpot's five seconds. */
  timeoutMs?: number | undefined;
}

export interface OutgoingResult {
  /** The HTTP status; 0 when no response came. */
  status: number;
  body: string;
  /** Why no response came. */
  problem?: string;
  ms: number;
}

/** HubSpot's timeout for webhooks and cards is five seconds. */
const TIMEOUT_MS = 5000;

// A new connection for each request, because the app could close a kept-alive one at the same moment.
const agent = {
  http: new http.Agent({ keepAlive: false }),
  https: new https.Agent({ keepAlive: false }),
};

/**
 * Sends a request to the app, signed as HubSpot signs it. Never throws for errors of the app.
 * Signed with wall-clock time instead of the sandbox clock: the app checks the age of a
 * signature against its own clock.
 */
export async function sendSigned(request: OutgoingRequest): Promise<OutgoingResult> {
  const { method, body = '', clientSecret, versions, timeoutMs = TIMEOUT_MS } = request;
  // The URL as it is sent, so that both sides sign the same text.
  const url = new URL(request.url).href;
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  try {
    const response = await got(url, {
      method: method as Method,
      ...(body === '' ? {} : { body }),
      allowGetBody: true,
      headers: {
        accept: '*/*',
        'user-agent': 'HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: sandbox)',
        ...(body === '' ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        ...signatureHeaders(versions, { clientSecret, method, url, body, timestamp: Date.now() }),
      },
      agent,
      timeout: { request: timeoutMs },
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
    });
    return { status: response.statusCode, body: response.body, ms: elapsed() };
  } catch (error) {
    return {
      status: 0,
      body: '',
      problem: error instanceof Error ? error.message : String(error),
      ms: elapsed(),
    };
  }
}
