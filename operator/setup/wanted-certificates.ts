/** Which certificates a release needs: pure. The names are those under which its pods and Services are called. */
import type { WantedCertificate } from './certificate-plan.ts';
import type { SetupConfig } from './config.ts';
import { ETCD_ROOT_USER, etcdUserOf, namesOf } from './object-names.ts';

type Release = Pick<
  SetupConfig,
  'fullName' | 'namespace' | 'clusterDomain' | 'servers' | 'clients' | 'storeUsers' | 'certificateDurationMs'
>;

/** For gRPC: one a component that is called, that shows a certificate to those it calls, or both. */
export function wantedCertificates(release: Release): readonly WantedCertificate[] {
  const { fullName, servers, clients, certificateDurationMs: durationMs } = release;
  const names = namesOf(fullName);
  return [...new Set([...servers, ...clients])].map((component): WantedCertificate => {
    const service = `${fullName}-${component}`;
    const isServer = servers.includes(component);
    return {
      secret: names.tls(component),
      commonName: service,
      names: isServer ? [...serviceNames(service, release), 'DNS:localhost'] : [],
      purposes: [...(isServer ? ['server' as const] : []), ...(clients.includes(component) ? ['client' as const] : [])],
      durationMs,
    };
  });
}

/** For the bundled etcd: its members', and a client certificate for each of its users. */
export function wantedEtcdCertificates(release: Release): readonly WantedCertificate[] {
  const { fullName, storeUsers, certificateDurationMs: durationMs } = release;
  const names = namesOf(fullName);
  const client = (secret: string, commonName: string): WantedCertificate => ({
    secret,
    commonName,
    names: [],
    purposes: ['client'],
    durationMs,
  });
  return [
    {
      secret: names.etcdServer,
      // etcd would take it as a user when one member calls another.
      commonName: undefined,
      names: etcdNames(release),
      purposes: ['server', 'client'],
      durationMs,
    },
    ...storeUsers.map((component) => client(names.etcdClient(component), etcdUserOf(component))),
    client(names.setupEtcdClient, ETCD_ROOT_USER),
  ];
}

/** The headless name itself too: etcd checks a peer's address by forward lookup, a wildcard only by reverse lookup. */
function etcdNames(release: Release): string[] {
  const peers = `${release.fullName}-etcd-peers`;
  const headless = serviceNames(peers, release).slice(2);
  const members = headless.map((name) => name.replace('DNS:', 'DNS:*.'));
  return [
    ...serviceNames(`${release.fullName}-etcd`, release),
    ...headless,
    ...members,
    'DNS:localhost',
    'IP:127.0.0.1',
  ];
}

function serviceNames(service: string, { namespace, clusterDomain }: Release): string[] {
  const qualified = `${service}.${namespace}`;
  return [service, qualified, `${qualified}.svc`, `${qualified}.svc.${clusterDomain}`].map((name) => `DNS:${name}`);
}
