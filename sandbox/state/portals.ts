/** A customer's HubSpot account. `domain` is the customer's website, which HubSpot calls `hub_domain`. */
export interface Portal {
  portalId: number;
  name: string;
  domain: string;
  timeZone: string;
  /** The user who plays the person in front of HubSpot and installs the app. */
  user: { id: number; email: string };
}

export const portals: readonly Portal[] = [
  {
    portalId: 62515,
    name: 'Sandbox Portal',
    domain: 'example.com',
    timeZone: 'Asia/Tokyo',
    user: { id: 9586504, email: 'admin@example.com' },
  },
  {
    portalId: 62516,
    name: 'Second Portal',
    domain: 'second.example',
    timeZone: 'America/New_York',
    user: { id: 9586777, email: 'owner@second.example' },
  },
];

export function findPortal(portalId: number): Portal | undefined {
  return portals.find((portal) => portal.portalId === portalId);
}
