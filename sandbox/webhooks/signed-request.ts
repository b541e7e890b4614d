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
  /** How long the app may take to answer; HubSpot's five seconds when absent. */
  timeoutMs?: number | undefined;
}

export interface OutgoingResult {
  /** The HTTP status; 0 when no answer came. */
  status: number;
  body: string;
  /** Why no answer came. */
  problem?: string;
  ms: number;
}

/** HubSpot gives up on webhooks and cards after five seconds. */
const TIMEOUT_MS = 5000;

// A connection of its own for each request: a kept one can be closed by the app in the same instant.
const agent = {
  http: new http.Agent({ keepAlive: false }),
  https: new https.Agent({ keepAlive: false }),
};

/**
 * Sends a request to the app, signed as HubSpot signs it. Never throws for what the app does.
 * Signed with wall-clock time, whatever the sandbox clock says: the app checks the age of a
 * signature against its own clock.
 */
export async function sendSigned(request: OutgoingRequest): Promise<OutgoingResult> {
  const { method, body = '', clientSecret, versions, timeoutMs = TIMEOUT_MS } = request;
  // The URL as it goes over the wire, so that both sides sign the same text.
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
