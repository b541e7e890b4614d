/** The sandbox's control routes and the actions of a HubSpot user, over HTTP. */
export function createSandboxClient(sandboxUrl: string) {
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(sandboxUrl + path, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await response.text();
    const answer = text ? JSON.parse(text) : undefined;
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return answer;
  };

  return {
    control: (name: string, body?: unknown) => call('POST', `/_sandbox/${name}`, body ?? {}),
    read: (name: string) => call('GET', `/_sandbox/${name}`),
    setApp: (settings: Record<string, unknown>) => call('PUT', '/_sandbox/app', settings),

    /** Submits the consent page of `authorizeUrl`; returns the URL to which HubSpot redirects the browser. */
    async decide(authorizeUrl: string, decision: 'approve' | 'deny', portalId = 62515): Promise<string> {
      const form = new URLSearchParams(new URL(authorizeUrl).search);
      form.set('portal_id', String(portalId));
      form.set('decision', decision);
      const response = await fetch(`${sandboxUrl}/oauth/authorize`, {
        method: 'POST',
        body: form,
        redirect: 'manual',
      });
      const location = response.headers.get('location');
      if (!location) throw new Error(`consent answered ${response.status}: ${await response.text()}`);
      return location;
    },
  };
}

export type SandboxClient = ReturnType<typeof createSandboxClient>;

/** Milliseconds between two requests that the sandbox got. */
export const between = (one?: { at: string }, other?: { at: string }): number =>
  Date.parse(other?.at ?? '') - Date.parse(one?.at ?? '');
