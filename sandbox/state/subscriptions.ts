import type { Project, Subscription } from './project.ts';

/** A webhook subscription as the management API shows it. Times are wall-clock epoch ms. */
export interface ManagedSubscription extends Subscription {
  createdAt: number;
  updatedAt: number;
}

export interface WebhookSettings {
  /** The app's settings were deleted; nothing is sent until they are set again. */
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

export type Subscriptions = ReturnType<typeof createSubscriptions>;

/** The app's webhook subscriptions: those of the project's folder, and their changes through the management API. */
export function createSubscriptions(project: Project) {
  const declared = (): ManagedSubscription[] => {
    const now = Date.now();
    return project.subscriptions.map((subscription) => ({
      ...subscription,
      createdAt: now,
      updatedAt: now,
    }));
  };
  const fresh = (): WebhookSettings => ({ paused: false, createdAt: Date.now(), updatedAt: Date.now() });

  let subscriptions = declared();
  let settings = fresh();
  let nextId = 2_600_001;

  return {
    list: (): readonly ManagedSubscription[] => subscriptions,
    find: (id: number) => subscriptions.find(({ subscriptionId }) => subscriptionId === id),

    add(subscription: Omit<Subscription, 'subscriptionId'>): ManagedSubscription {
      const now = Date.now();
      const added = { ...subscription, subscriptionId: nextId++, createdAt: now, updatedAt: now };
      subscriptions = [...subscriptions, added];
      return added;
    },

    setActive(subscription: ManagedSubscription, active: boolean) {
      subscription.active = active;
      subscription.updatedAt = Date.now();
    },

    remove(id: number) {
      subscriptions = subscriptions.filter(({ subscriptionId }) => subscriptionId !== id);
    },

    settings: (): Readonly<WebhookSettings> => settings,
    setPaused(paused: boolean) {
      settings = { ...settings, paused, updatedAt: Date.now() };
    },

    reset() {
      subscriptions = declared();
      settings = fresh();
    },
  };
}
