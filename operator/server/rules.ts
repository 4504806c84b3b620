/**
 * The twins of the CEL rules in the custom resource definition, for files that no API server checks.
 *
 * A twin is found by its rule's message, so the sentences cannot differ; that the verdicts do not differ either is
 * shown by one table of cases that a real API server and these functions both judge. `self` has passed the checks
 * of the structure and carries its defaults.
 */
import { isIPv6 } from 'node:net';
import { isParameterName, isReservedServerName, isServerName, isToolName } from '#lib/capability/name.ts';
import { compilePattern, isTopicFilter } from '#lib/capability/pattern.ts';
import { type HostPolicy, isDnsName, isRefusedHost, parseAddress } from './address.ts';
import type { DeclaredCapability, Mcp2Server, Mcp2ServerSpec, Probe, Source, Tls, Visibility } from './resource.ts';

export interface RuleContext extends HostPolicy {
  /** The same place in the object before an update; undefined for a rule that does not ask for it. */
  readonly oldSelf: unknown;
}

/** True = kept. `never`, because each twin knows the type of its own place in the schema. */
export type Twin = (self: never, context: RuleContext) => boolean;

const PORT_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const LABEL_NAME =
  /^(([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

export const TWINS: Readonly<Record<string, Twin>> = {
  "metadata.name is no server name (a letter, then at most 62 letters, digits, '.', '_' or '-'); write spec.serverName":
    ({ spec, metadata }: Mcp2Server) => spec.serverName !== undefined || isServerName(metadata.name),
  'metadata.name is the name of a service of the control plane; write spec.serverName or choose another metadata.name':
    ({ spec, metadata }: Mcp2Server) => spec.serverName !== undefined || !isReservedServerName(metadata.name),
  'serverName cannot be added or removed later, because tokens name it as their audience; create a new Mcp2Server': (
    self: Mcp2ServerSpec,
    { oldSelf },
  ) => (self.serverName === undefined) === ((oldSelf as Mcp2ServerSpec).serverName === undefined),
  'serverName cannot be changed, because tokens name it as their audience; create a new Mcp2Server': (
    self: string,
    { oldSelf },
  ) => self === oldSelf,
  "write a letter, then at most 62 letters, digits, '.', '_' or '-'": isServerName,
  'this is the name of a service of the control plane; write another one': (self: string) =>
    !isReservedServerName(self),

  'write exactly one of service and address': ({ service, address }: Source) =>
    (service === undefined) !== (address === undefined),
  "write the name of a Service, which has lower-case letters, digits and '-' and starts with a letter": (
    self: string,
  ) => /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(self),
  'write the name of a port of the Service, or its number from 1 to 65535': (self: string | number) =>
    typeof self === 'number' ? self >= 1 && self <= 65_535 : PORT_NAME.test(self) && /[a-z]/.test(self),
  'write grpcs://host:port or grpc://host:port with a DNS name, an IPv4 address or an IPv6 address in brackets, and a port from 1 to 65535; no path, no user':
    (self: string) => parseAddress(self) !== undefined,
  'what stands between the brackets is no IPv6 address; write for example grpcs://[2001:db8::7]:443': (self: string) =>
    !isBracketed(self) || isIPv6(parseAddress(self)?.host ?? ''),
  'this host is the node itself, its metadata service, the Kubernetes API or a reserved address; write the host of a server outside the cluster':
    isAllowedAddress,
  'source.address and tls.mode disagree; write grpcs:// with mode Simple or Mutual, or grpc:// with mode Disabled': ({
    source,
    tls,
  }: Mcp2ServerSpec) =>
    source.address === undefined || source.address.startsWith('grpc://') === (tls.mode === 'Disabled'),

  'mode Mutual needs a trust root; write caBundleRef: {kind: ConfigMap, name: …, key: ca.crt}': (self: Tls) =>
    self.mode !== 'Mutual' || self.caBundleRef !== undefined,
  "write the name of a ConfigMap, which has lower-case letters, digits, '-' and '.'": (self: string) =>
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(self),
  "write a key of the ConfigMap, which has letters, digits, '-', '_' and '.', for example ca.crt": (self: string) =>
    /^[A-Za-z0-9._-]+$/.test(self),
  'write a DNS name without port or scheme, for example inventory-db.shop.svc': isDnsName,

  'no capability is declared; write at least one entry in capabilities, or capabilityMode: Discovered': (
    self: Mcp2ServerSpec,
  ) => self.capabilityMode === 'Discovered' || (self.capabilities ?? []).length > 0,
  'tools belong to ContextTool.InvokeTool; add it to methods or remove tools': (self: DeclaredCapability) =>
    self.tools === undefined || uses(self, 'ContextTool.InvokeTool'),
  'contextKeys belong to ContextTool.RequestContext and ContextTool.UploadContext; add one to methods or remove contextKeys':
    (self: DeclaredCapability) =>
      self.contextKeys === undefined || uses(self, 'ContextTool.RequestContext', 'ContextTool.UploadContext'),
  'topics belong to the methods of EventBus; add one, for example EventBus.Publish, or remove topics': (
    self: DeclaredCapability,
  ) => self.topics === undefined || (self.methods ?? []).some((method) => method.startsWith('EventBus.')),
  "write 1 to 16 segments joined by ':', each '*' alone or at most 128 letters, digits and _.@=+~- that start with a letter, a digit or '_'":
    (self: string) => compilePattern(self) !== undefined,
  "write 1 to 12 segments joined by ':', each '*' alone or at most 128 letters, digits and _.@=+~- that start with a letter, a digit or '_'":
    isTopicPattern,
  "a '*' in front reaches every kind of capability; write the first segment, for example db:*": (self: string) =>
    !self.startsWith('*'),
  "a '*' alone reaches everything; write at least the first segment, for example db:*": (self: string) => self !== '*',
  "write a tool name of 1 to 128 letters, digits, '_', '.' and '-'": isToolName,
  'multimodal_exchange is reserved for ContextTool.MultiModalExchange; write another tool name': (self: string) =>
    self !== 'multimodal_exchange',
  "write a letter or '_', then at most 63 letters, digits, '_', '.' or '-'; __proto__ is not allowed": isParameterName,

  'probes would overlap; write a timeoutSeconds that is not greater than intervalSeconds': (self: Probe) =>
    self.timeoutSeconds <= self.intervalSeconds,
  'write selector together with from: Selector, and only then': (self: Visibility) =>
    (self.from === 'Selector') === (self.selector !== undefined),
  'write label names as Kubernetes has them, for example mcp2.dev/tenant': (self: Record<string, string>) =>
    Object.keys(self).every((key) => LABEL_NAME.test(key)),
  "write a label value as Kubernetes has them, which has letters, digits, '-', '_' and '.'": (self: string) =>
    /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/.test(self),
  "write tag names of 1 to 63 lower-case letters, digits, '.', '/' and '-'": (self: Record<string, string>) =>
    Object.keys(self).every((key) => /^[a-z0-9./-]{1,63}$/.test(key)),
  'write tag values in printable ASCII': (self: string) => /^[ -~]*$/.test(self),
};

function uses({ methods = [] }: DeclaredCapability, ...wanted: readonly string[]): boolean {
  return methods.some((method) => wanted.includes(method));
}

/** Addresses outside the grammar, or with brackets around no IPv6 address, have a problem of their own already. */
function isAllowedAddress(self: string, policy: RuleContext): boolean {
  const address = parseAddress(self);
  if (!address || (isBracketed(self) && !isIPv6(address.host))) return true;
  return !isRefusedHost(address.host, policy);
}

function isTopicPattern(self: string): boolean {
  const pattern = compilePattern(self);
  return pattern !== undefined && isTopicFilter(pattern);
}

function isBracketed(address: string): boolean {
  return parseAddress(address) !== undefined && address.includes('[');
}
