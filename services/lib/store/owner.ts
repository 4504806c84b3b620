/** Who keeps a record of the store: the operator of an installation for one resource, or a subject that registered itself. */

export type Owner =
  | {
      readonly manager: 'mcp2-operator';
      /** The kube-system UID or a configured id: two clusters on one store never touch each other. */
      readonly installation: string;
      readonly namespace: string;
      readonly name: string;
      readonly uid: string;
    }
  | { readonly manager: 'register'; readonly sub: string };

/** One line for people: who holds a name. */
export function describeOwner(owner: Owner): string {
  return owner.manager === 'register' ? owner.sub : `Mcp2Server ${owner.namespace}/${owner.name}`;
}
