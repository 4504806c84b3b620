/**
 * The ConfigMap with which a pod finds and verifies the control plane: `ca.crt`, `jwks.json`, `issuer` and `registry`,
 * in the release's namespace and in those that are listed.
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

interface Destination {
  readonly configMap: string;
  readonly namespace: string;
  readonly wanted: Readonly<Record<string, string>>;
}

async function publishTo(access: ObjectAccess, { configMap: name, namespace, wanted }: Destination): Promise<void> {
  await ensureObject(access, {
    resource: CONFIG_MAPS,
    name,
    namespace,
    decide: (found) => {
      const changed = Object.keys(wanted).filter((key) => found?.[key] !== wanted[key]);
      if (changed.length === 0) return undefined;
      return { data: wanted, why: found === undefined ? 'missing' : `changed: ${changed.join(', ')}` };
    },
  });
}

function contentOf({ authorities, publicKeys, issuer, registry }: Trust): Record<string, string> {
  const always = { 'jwks.json': publicKeys, issuer, registry };
  return authorities === undefined ? always : { 'ca.crt': authorities, ...always };
}

/** @throws the error when it is none that concerns this namespace alone */
function sentenceFor(error: unknown, configMap: string, namespace: string): string {
  if (isNotFound(error)) {
    return `namespace ${namespace} does not exist: create it, and the next run of "rotate" (daily, or by hand) publishes ${configMap} there`;
  }
  if (error instanceof SetupError) return error.message;
  throw error;
}
