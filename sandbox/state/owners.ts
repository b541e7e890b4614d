import type { Portals } from './portals.ts';

/** A current or former user who can own records. `id` is not the user's id. */
export interface Owner {
  id: string;
  email: string;
  firstName: string;
  lastName: string;
  userId: number;
  archived: boolean;
}

export type Owners = ReturnType<typeof createOwners>;

/** The owners of a portal: its user, a colleague, and a former user. They never change. */
export function createOwners(portals: Portals) {
  return {
    list(portalId: number): Owner[] {
      const portal = portals.find(portalId);
      if (!portal) return [];
      const { user, domain } = portal;
      const base = portalId * 10;
      return [
        {
          id: String(base + 1),
          email: user.email,
          firstName: 'Alex',
          lastName: 'Admin',
          userId: user.id,
          archived: false,
        },
        {
          id: String(base + 2),
          email: `sales@${domain}`,
          firstName: 'Sam',
          lastName: 'Sales',
          userId: user.id + 1,
          archived: false,
        },
        {
          id: String(base + 3),
          email: `former@${domain}`,
          firstName: 'Frances',
          lastName: 'Former',
          userId: user.id + 2,
          archived: true,
        },
      ];
    },
    find(portalId: number, id: string): Owner | undefined {
      return this.list(portalId).find((owner) => owner.id === id && !owner.archived);
    },
  };
}
