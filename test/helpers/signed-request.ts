import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import type { World } from './world.ts';

/** A request to the app with HubSpot's signature. */
export function signedRequest(world: World, path: string, method = 'GET', body = '') {
  const url = world.serverUrl + path;
  const signature = { clientSecret: 'sandbox-client-secret', method, url, body, timestamp: Date.now() };
  const request = world.request(method, path).set(signatureHeaders(['v3'], signature));
  return body ? request.set('content-type', 'application/json').send(body) : request;
}
