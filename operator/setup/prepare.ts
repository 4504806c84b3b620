/**
 * The tasks `prepare` and `rotate`: everything that pods of the release mount, made when it is missing and renewed in
 * time. Each step looks first, so that a second run writes nothing and a run that was cut short is simply run again.
 *
 * In this order: authority, what is trusted, and only then certificates, so that nobody is shown a certificate of an
 * authority that was not published before.
 */
import type { Clock } from '#lib/clock.ts';
import { SECRETS } from '#lib/kube/object.ts';
import { type Authority, ensureAuthority } from './authority.ts';
import { type CertificatePlan, planCertificate, type WantedCertificate } from './certificate-plan.ts';
import type { SetupConfig } from './config.ts';
import { installationIdOf } from './installation-id.ts';
import { issueCertificate } from './issue-certificate.ts';
import { namesOf } from './object-names.ts';
import { type Change, type Content, ensureObject, type ObjectAccess, readContent } from './owned-object.ts';
import { readBundle, readCertificate } from './read-certificate.ts';
import { ensureSigningKey } from './signing-key.ts';
import { publishTrust } from './trust.ts';
import { wantedCertificates, wantedEtcdCertificates } from './wanted-certificates.ts';

export interface PrepareDependencies {
  readonly access: ObjectAccess;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** @throws SetupError that says what to put right, KubeApiError */
export async function prepare(config: SetupConfig, { access, clock }: PrepareDependencies): Promise<void> {
  const names = namesOf(config.fullName);
  const isOurs = config.tlsMode === 'selfSigned';
  const authority = isOurs
    ? await ensureAuthority({ access, secret: names.authority, title: 'mcp2', clock })
    : undefined;
  await refreshTrust(config, access, authority?.bundlePem);
  if (authority === undefined) return;
  await ensureCertificates(config, { access, clock }, { authority, wanted: wantedCertificates(config) });
  if (!config.hasBundledEtcd) return;
  const etcd = await ensureAuthority({ access, secret: names.etcdAuthority, title: 'mcp2 etcd', clock });
  await ensureCertificates(config, { access, clock }, { authority: etcd, wanted: wantedEtcdCertificates(config) });
}

/**
 * Also when certificates are not ours: their authority may have come only after `prepare`.
 *
 * @returns false when there is no authority to publish yet.
 */
export async function refreshTrust(
  config: SetupConfig,
  access: ObjectAccess,
  ownAuthorities?: string,
): Promise<boolean> {
  const names = namesOf(config.fullName);
  const issuer = await ensureSigningKey({
    access,
    names,
    readInstallationId: () => installationIdOf(config, access),
  });
  const authorities = ownAuthorities ?? (await foreignAuthorities(config, access));
  const { trustConfigMap: configMap, trustNamespaces: namespaces, registry, eventBus } = config;
  const trust = { ...issuer, authorities, registry, eventBus };
  const problems = await publishTrust({ access, configMap, namespaces, trust });
  for (const problem of problems) access.log.warn({ problem }, 'trust was not published to a namespace');
  return authorities !== undefined;
}

async function foreignAuthorities({ caSecret, tlsMode, fullName }: SetupConfig, access: ObjectAccess) {
  const secret = tlsMode === 'selfSigned' ? namesOf(fullName).authority : caSecret;
  const pem = (await readContent(access, SECRETS, secret))?.['ca.crt'];
  if (pem !== undefined && readBundle(pem) !== undefined) return pem;
  access.log.warn({ secret }, 'no ca.crt to publish yet: the next run looks again');
  return undefined;
}

interface CertificatesOf {
  readonly authority: Authority;
  readonly wanted: readonly WantedCertificate[];
}

async function ensureCertificates(
  config: SetupConfig,
  { access, clock }: PrepareDependencies,
  { authority, wanted }: CertificatesOf,
): Promise<void> {
  const { renewBeforeMs, forceRotate } = config;
  for (const certificate of wanted) {
    let issued: string | undefined;
    await ensureObject(access, {
      resource: SECRETS,
      name: certificate.secret,
      type: 'kubernetes.io/tls',
      decide: async (content) => {
        const nowMs = clock.nowMs();
        // When the reply to our own write was lost, what is found here is what was asked for.
        const force = forceRotate && (issued === undefined || content?.['tls.crt'] !== issued);
        const policy = { nowMs, renewBeforeMs, force, bundle: authority.bundlePem };
        const plan = planCertificate(certificate, read(content, authority), policy);
        const change = await carryOut(plan, { certificate, authority, nowMs });
        issued = change?.data['tls.crt'] ?? issued;
        return change;
      },
    });
  }
}

function read(content: Content | undefined, { bundle }: Authority) {
  if (content === undefined) return undefined;
  const facts = readCertificate(content['tls.crt'] ?? '', content['tls.key'] ?? '', bundle);
  return { facts, bundle: content['ca.crt'] };
}

interface Circumstances {
  readonly certificate: WantedCertificate;
  readonly authority: Authority;
  readonly nowMs: number;
}

async function carryOut(
  plan: CertificatePlan,
  { certificate: wanted, authority, nowMs }: Circumstances,
): Promise<Change | undefined> {
  if (plan.kind === 'keep') return undefined;
  const bundle = { 'ca.crt': authority.bundlePem };
  if (plan.kind === 'refresh') return { data: bundle, why: plan.why };
  const { certificate, key } = await issueCertificate(authority.signer, wanted, nowMs);
  return { data: { ...bundle, 'tls.crt': certificate, 'tls.key': key }, why: plan.why };
}
