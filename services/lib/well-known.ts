/** Names that several parts must spell alike. */

/** The audience that the registry itself answers to, and the only one for Register, Heartbeat and Deregister. */
export const REGISTRY_NAME = 'RegistryServer';

/** The audience that the event bus answers to. */
export const EVENT_BUS_NAME = 'EventBusServer';

/** The tag of a registration that says where its endpoint runs: Kubernetes' well-known label. */
export const ZONE_TAG = 'topology.kubernetes.io/zone';
