/**
 * What Mcp2Servers point at, from the API server: Services, EndpointSlices and the labels of namespaces, kept warm on
 * every replica; ConfigMaps on demand.
 */
import { canonicalJson } from '#lib/canonical-json.ts';
import type { Clock } from '#lib/clock.ts';
import type { KubeApi } from '#lib/kube/api.ts';
import { ENDPOINT_SLICES, formatKey, type KubeObject, keyOf, NAMESPACES, SERVICES } from '#lib/kube/object.ts';
import { Reflector, type ReflectorMetrics, type ReflectorTiming } from '#lib/kube/reflector.ts';
import { ReflectorGroup } from '#lib/kube/reflector-group.ts';
import type { Logger } from '#lib/logger.ts';
import type { EndpointSlice, Service } from '../server/endpoints.ts';
import { createConfigMapReader } from './config-maps.ts';
import { ConfirmedStore } from './confirmed-store.ts';
import type { References } from './source.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

type SliceObject = KubeObject & EndpointSlice;
type ServiceObject = KubeObject & Service;

export interface ClusterReferencesOptions {
  readonly api: KubeApi;
  /** Where Services and EndpointSlices are looked at; empty = everywhere. Labels are read of all namespaces. */
  readonly namespaces: readonly string[];
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: ReflectorMetrics;
  readonly timing?: Partial<ReflectorTiming>;
  /** A Service came, changed or went; "namespace/name". */
  readonly onService: (key: string) => void;
  /** Its endpoints did. */
  readonly onEndpoints: (serviceKey: string) => void;
  /** A namespace came, went or has other labels. */
  readonly onNamespaces: () => void;
}

export class ClusterReferences implements References {
  readonly configMapText: References['configMapText'];
  readonly #services: ConfirmedStore<ServiceObject>;
  readonly #slices: ConfirmedStore<SliceObject>;
  readonly #namespaces: ConfirmedStore<KubeObject>;
  readonly #parts: readonly { run(signal: AbortSignal): Promise<void> }[];
  readonly #reflectors: readonly { readonly hasSynced: boolean }[];

  constructor(options: ClusterReferencesOptions) {
    const { api } = options;
    this.configMapText = createConfigMapReader(api);
    const onSliceGone = (slice: SliceObject) => servicesOf(slice).forEach(options.onEndpoints);
    this.#services = new ConfirmedStore({ ...options, resource: SERVICES, onGone: (s) => options.onService(keyOf(s)) });
    this.#slices = new ConfirmedStore({
      ...options,
      resource: ENDPOINT_SLICES,
      indexOf: servicesOf,
      onGone: onSliceGone,
    });
    this.#namespaces = new ConfirmedStore({ ...options, resource: NAMESPACES, onGone: options.onNamespaces });
    const reflectors = this.#reflect(options);
    this.#reflectors = reflectors;
    this.#parts = [...reflectors, this.#services, this.#slices, this.#namespaces];
  }

  /** Lists and watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.run(signal)));
  }

  hasSynced(): boolean {
    return this.#reflectors.every(({ hasSynced }) => hasSynced);
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(formatKey({ namespace, name }));
  }

  endpointSlices(namespace: string, service: string): readonly EndpointSlice[] {
    return this.#slices.byIndex(formatKey({ namespace, name: service }));
  }

  namespacesMatching(labels: Readonly<Record<string, string>>): readonly string[] {
    const wanted = Object.entries(labels);
    return this.#namespaces
      .all()
      .filter(({ metadata }) => wanted.every(([name, value]) => metadata.labels?.[name] === value))
      .map(({ metadata }) => metadata.name);
  }

  #reflect(options: ClusterReferencesOptions) {
    const { onService, onEndpoints, onNamespaces, namespaces } = options;
    const services = new ReflectorGroup<ServiceObject>(
      {
        ...options,
        resource: SERVICES,
        store: this.#services.listed,
        onKey: (key, cause) => {
          if (this.#services.note(key, cause)) onService(key);
        },
      },
      namespaces,
    );
    const slices = new ReflectorGroup<SliceObject>(
      {
        ...options,
        resource: ENDPOINT_SLICES,
        store: this.#slices.listed,
        // A slice that moves to another Service concerns both, so each key names one of them.
        keysOf: (slice) => servicesOf(slice).map((service) => `${keyOf(slice)} ${service}`),
        onKey: (key, cause) => {
          const [slice = '', service = ''] = key.split(' ');
          if (this.#slices.note(slice, cause)) onEndpoints(service);
        },
      },
      namespaces,
    );
    const labels = new Reflector<KubeObject>({
      ...options,
      resource: NAMESPACES,
      store: this.#namespaces.listed,
      isRelevant: (before, after) => canonicalJson(before.metadata.labels) !== canonicalJson(after.metadata.labels),
      transform: ({ metadata: { name, labels, resourceVersion } }) => ({
        metadata: { name, ...(labels ? { labels } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
      }),
      onKey: (key, cause) => {
        if (this.#namespaces.note(key, cause)) onNamespaces();
      },
    });
    return [services, slices, labels];
  }
}

function servicesOf({ metadata }: SliceObject): readonly string[] {
  const service = metadata.labels?.[SERVICE_LABEL];
  return service === undefined ? [] : [formatKey({ namespace: metadata.namespace, name: service })];
}
