/** A customer's HubSpot account. `domain` is the customer's website, which HubSpot calls `hub_domain`. */
export interface Portal {
  portalId: number;
  name: string;
  domain: string;
  timeZone: string;
  /** The user who uses HubSpot and installs the app. */
  user: { id: number; email: string };
}

const seeded: readonly Portal[] = [
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

export type Portals = ReturnType<typeof createPortals>;

/** The customers' accounts: those of the seed data, and empty ones that a control adds in bulk. */
export function createPortals() {
  const added = new Set<number>();

  return {
    /** The accounts of the seed data, which the pages list. */
    seeded,

    find(portalId: number): Portal | undefined {
      return (
        seeded.find((portal) => portal.portalId === portalId) ??
        (added.has(portalId) ? made(portalId) : undefined)
      );
    },

    /** Adds an account; one that exists stays as it is. */
    add(portalId: number): Portal {
      const existing = this.find(portalId);
      if (existing) return existing;
      added.add(portalId);
      return made(portalId);
    },

    ids: (): number[] => [...seeded.map(({ portalId }) => portalId), ...added],

    reset() {
      added.clear();
    },
  };
}

/** Derived from its id on each access, so that 100,000 accounts need no memory. */
function made(portalId: number): Portal {
  const domain = `portal-${portalId}.example`;
  return {
    portalId,
    name: `Portal ${portalId}`,
    domain,
    timeZone: 'UTC',
    user: { id: portalId + 1_000_000_000, email: `admin@${domain}` },
  };
}
