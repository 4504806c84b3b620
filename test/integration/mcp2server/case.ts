/**
 * One Mcp2Server resource and the verdict that a real API server and the TypeScript twin must both reach.
 *
 * `sentence` is the message of the rule that refuses; a case without one breaks the structure, where each side has its
 * own words.
 */

export interface Refusal {
  /** Where, as the API server writes it. */
  readonly path: string;
  readonly sentence?: string;
}

export interface Case {
  readonly title: string;
  readonly object: Readonly<Record<string, unknown>>;
  readonly refused?: Refusal;
}

export interface UpdateCase extends Case {
  readonly before: Readonly<Record<string, unknown>>;
}

export const SERVICE = { service: { name: 'db', port: 'grpc' } };
export const READ = { name: 'db:inventory:read' };

/** A valid resource, with these members of its spec instead. */
export function server(spec: object = {}, name = 'db'): Record<string, unknown> {
  const full = { source: SERVICE, capabilities: [READ], ...spec };
  return { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', metadata: { name, namespace: 'default' }, spec: full };
}

export function good(title: string, object: Record<string, unknown>): Case {
  return { title, object };
}

export function bad(title: string, object: Record<string, unknown>, path: string, sentence?: string): Case {
  return { title, object, refused: { path, ...(sentence === undefined ? {} : { sentence }) } };
}

export function boundCases(
  path: string,
  least: number,
  most: number,
  put: (value: unknown) => Record<string, unknown>,
): Case[] {
  return [
    good(`${path}: ${least}`, put(least)),
    good(`${path}: ${most}`, put(most)),
    bad(`${path}: ${least - 1}`, put(least - 1), path),
    bad(`${path}: ${most + 1}`, put(most + 1), path),
    bad(`${path}: a fraction`, put(least + 0.5), path),
    bad(`${path}: text`, put(String(least)), path),
  ];
}
