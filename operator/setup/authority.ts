/**
 * The Secret of an authority: `ca.crt` (every certificate that is trusted), `ca.key` (the key that signs) and, while a
 * new one is announced, `next.key`. Which certificate a key belongs to is asked of the key.
 *
 * An authority that cannot be read is never replaced: everybody trusts the old one.
 */
import type { Clock } from '#lib/clock.ts';
import { SECRETS } from '#lib/kube/object.ts';
import { AUTHORITY_OVERLAP_MS, type AuthorityPlan, planAuthority } from './authority-plan.ts';
import { type Issued, issueAuthority } from './issue-certificate.ts';
import { type Change, type Content, ensureObject, type ObjectAccess } from './owned-object.ts';
import { type AuthorityCertificate, certificateOfKey, readBundle } from './read-certificate.ts';
import { SetupError } from './setup-error.ts';

export interface Authority {
  /** Certificate and key that sign. */
  readonly signer: Issued;
  /** Everything that is trusted. */
  readonly bundle: readonly AuthorityCertificate[];
  /** The same as PEM, as `ca.crt` holds it. */
  readonly bundlePem: string;
}

export interface AuthorityOptions {
  readonly access: ObjectAccess;
  readonly secret: string;
  /** In its common name: "mcp2" or "mcp2 etcd". */
  readonly title: string;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** @throws SetupError when it exists and cannot be used, or may not be read. */
export async function ensureAuthority({ access, secret, title, clock }: AuthorityOptions): Promise<Authority> {
  const content = await ensureObject(access, {
    resource: SECRETS,
    name: secret,
    decide: async (found) => {
      if (found === undefined) return firstAuthority(await issueAuthority(title, clock.nowMs()));
      const state = readState(found, secret);
      const plan = planAuthority({ nowMs: clock.nowMs(), ...state });
      return carryOut(plan, { state, found, title, nowMs: clock.nowMs() });
    },
  });
  const { bundle, signing, next } = readState(content, secret);
  if (next !== undefined) {
    const signsFrom = new Date(next.notBeforeMs + AUTHORITY_OVERLAP_MS).toISOString();
    access.log.warn({ secret, signsFrom }, 'a new authority is announced: restart etcd before it signs');
  }
  const signer = { certificate: signing.certificate, key: content['ca.key'] ?? '' };
  return { signer, bundle, bundlePem: toBundle(bundle) };
}

interface State {
  readonly bundle: readonly AuthorityCertificate[];
  readonly signing: AuthorityCertificate;
  readonly next: AuthorityCertificate | undefined;
}

function readState(content: Content, secret: string): State {
  const bundle = readBundle(content['ca.crt'] ?? '');
  const signing = bundle === undefined ? undefined : certificateOfKey(bundle, content['ca.key'] ?? '');
  if (bundle === undefined || signing === undefined) {
    throw new SetupError(
      `Secret ${secret} holds no usable authority (ca.crt with the certificate of ca.key). It is never replaced, because everybody trusts the old one: restore it, or delete it to have a new one made and restart all components`,
    );
  }
  return { bundle, signing, next: certificateOfKey(bundle, content['next.key'] ?? '') };
}

interface Circumstances {
  readonly state: State;
  readonly found: Content;
  readonly title: string;
  readonly nowMs: number;
}

async function carryOut(
  plan: AuthorityPlan,
  { state, found, title, nowMs }: Circumstances,
): Promise<Change | undefined> {
  const good = state.bundle.filter(({ notAfterMs }) => notAfterMs > nowMs);
  switch (plan.kind) {
    case 'keep':
      return undefined;
    case 'prune':
      return { data: { 'ca.crt': toBundle(good) }, why: plan.why };
    case 'promote':
      return { data: { 'ca.crt': toBundle(good), 'ca.key': found['next.key'] ?? '', 'next.key': null }, why: plan.why };
    case 'announce': {
      const { certificate, key } = await issueAuthority(title, nowMs);
      return { data: { 'ca.crt': `${toBundle(good)}${certificate}`, 'next.key': key }, why: plan.why };
    }
    case 'replace': {
      const { certificate, key } = await issueAuthority(title, nowMs);
      return { data: { 'ca.crt': `${toBundle(good)}${certificate}`, 'ca.key': key, 'next.key': null }, why: plan.why };
    }
  }
}

function firstAuthority({ certificate, key }: Issued): Change {
  return { data: { 'ca.crt': certificate, 'ca.key': key }, why: 'missing' };
}

function toBundle(certificates: readonly AuthorityCertificate[]): string {
  return certificates.map(({ certificate }) => certificate).join('');
}
