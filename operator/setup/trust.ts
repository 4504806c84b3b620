/**
 * The ConfigMap with which a pod finds and verifies the control plane: `ca.crt`, `jwks.json`, `issuer`, `registry` and, where
 * there is one, `eventBus`, in the release's namespace and in those that are listed.
 *
 * A listed namespace that does not exist yet, or holds somebody else's ConfigMap of that name, stops nothing else.
 */
import { isNotFound } from '#lib/kube/api-error.ts';
import { CONFIG_MAPS } from '#lib/kube/object.ts';
import { ensureObject, type ObjectAccess } from './owned-object.ts';
import { SetupError } from './setup-error.ts';

export interface Trust {
  /** PEM; undefined when nobody has made it yet: then what is published stays as it is. */
  readonly authorities: string | undefined;
  readonly publicKeys: string;
  readonly issuer: string;
  /** host:port. */
  readonly registry: string;
  /** host:port. */
  readonly eventBus: string | undefined;
}

export interface TrustOptions {
  readonly access: ObjectAccess;
  readonly configMap: string;
  /** Beside that of the access. */
  readonly namespaces: readonly string[];
  readonly trust: Trust;
}

/** @returns a sentence for each namespace that was left out. @throws for the release's own namespace */
export async function publishTrust({ access, configMap, namespaces, trust }: TrustOptions): Promise<readonly string[]> {
  const wanted = contentOf(trust);
  await publishTo(access, { configMap, namespace: access.namespace, wanted });
  const problems: string[] = [];
  for (const namespace of new Set(namespaces)) {
    if (namespace === access.namespace) continue;
    try {
      await publishTo(access, { configMap, namespace, wanted });
    } catch (error) {
      problems.push(sentenceFor(error, configMap, namespace));
    }
  }
  return problems;
}

/** Null: it must not be there, as after an event bus was taken away. */
type Wanted = Readonly<Record<string, string | null>>;

interface Destination {
  readonly configMap: string;
  readonly namespace: string;
  readonly wanted: Wanted;
}

async function publishTo(access: ObjectAccess, { configMap: name, namespace, wanted }: Destination): Promise<void> {
  await ensureObject(access, {
    resource: CONFIG_MAPS,
    name,
    namespace,
    decide: (found) => {
      const changed = Object.keys(wanted).filter((key) => (found?.[key] ?? null) !== wanted[key]);
      if (changed.length === 0) return undefined;
      const data = found === undefined ? present(wanted) : wanted;
      return { data, why: found === undefined ? 'missing' : `changed: ${changed.join(', ')}` };
    },
  });
}

function contentOf({ authorities, publicKeys, issuer, registry, eventBus }: Trust): Wanted {
  const always = { 'jwks.json': publicKeys, issuer, registry, eventBus: eventBus ?? null };
  return authorities === undefined ? always : { 'ca.crt': authorities, ...always };
}

function present(wanted: Wanted): Wanted {
  return Object.fromEntries(Object.entries(wanted).filter(([, text]) => text !== null));
}

/** @throws the error when it is none that concerns this namespace alone */
function sentenceFor(error: unknown, configMap: string, namespace: string): string {
  if (isNotFound(error)) {
    return `namespace ${namespace} does not exist: create it, and the next run of "rotate" (daily, or by hand) publishes ${configMap} there`;
  }
  if (error instanceof SetupError) return error.message;
  throw error;
}
