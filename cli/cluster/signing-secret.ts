/**
 * The signing key of a cluster's control plane, read with the caller's own rights: who may read that Secret may mint.
 */

import { createKubeApi } from '#lib/kube/api.ts';
import { KubeApiError } from '#lib/kube/api-error.ts';
import { type KubeObject, SECRETS } from '#lib/kube/object.ts';
import { onOneLine } from '#lib/printable.ts';
import { importSigningKey } from '#lib/token/signing-key.ts';
import { CommandFailed, usageError } from '../failure.ts';
import type { Signer } from '../state/keys.ts';
import type { Terminal } from '../terminal.ts';
import { type ClusterOptions, connectCluster } from './connection.ts';

interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** @param reference "NAMESPACE/NAME". @throws CommandFailed that says what to do. */
export async function readSecretSigner(
  reference: string,
  options: ClusterOptions,
  terminal: Terminal,
): Promise<Signer> {
  const secret = parseReference(reference);
  const connection = await connectCluster(options, terminal);
  const { clock, version } = terminal;
  const api = createKubeApi({ connection, clock, random: Math.random, userAgent: `mcp2/${version}` });
  try {
    return await toSigner(secret, await api.get<Secret>(SECRETS, secret));
  } catch (error) {
    throw explain(error, secret, connection.server);
  } finally {
    await api.close();
  }
}

function parseReference(reference: string): SecretName {
  const [, namespace, name] = /^([a-z0-9][-a-z0-9]{0,62})\/([a-z0-9][-.a-z0-9]{0,252})$/.exec(reference) ?? [];
  if (namespace !== undefined && name !== undefined) return { namespace, name };
  throw usageError('--from-secret is NAMESPACE/NAME, for example mcp2-system/mcp2-signing-key');
}

async function toSigner({ namespace, name }: SecretName, { data = {} }: Secret): Promise<Signer> {
  const what = `Secret ${namespace}/${name}`;
  const decode = (key: string) =>
    Buffer.from(data[key] ?? '', 'base64')
      .toString()
      .trim();
  const [jwk, issuer] = [decode('key.jwk'), decode('issuer')];
  if (jwk === '' || issuer === '') {
    throw new CommandFailed(
      `${what} holds no signing key: key.jwk and issuer are expected, as in <release>-signing-key`,
    );
  }
  try {
    return { key: await importSigningKey(JSON.parse(jwk)), issuer };
  } catch (error) {
    // A JSON error quotes the text it stumbled over, which here is a secret.
    const why = error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message;
    throw new CommandFailed(`key.jwk of ${what} cannot be used: ${why}`);
  }
}

function explain(error: unknown, { namespace, name }: SecretName, server: string): unknown {
  if (error instanceof CommandFailed) return error;
  const failed = (message: string) => new CommandFailed(message, { cause: error });
  const said = onOneLine((error as Error).message);
  if (!(error instanceof KubeApiError)) return failed(`the kubeconfig gives no credentials: ${said}`);
  switch (error.code) {
    case 401:
      return failed(`${server} does not accept the kubeconfig's credentials: log in again`);
    case 403:
      return failed(
        `you may not read Secret ${namespace}/${name}, so you may not mint with it. Whoever may grant it: kubectl create role mcp2-mint -n ${namespace} --verb=get --resource=secrets --resource-name=${name}, and a rolebinding of it to you (${said})`,
      );
    case 404:
      return failed(
        `there is no Secret ${namespace}/${name}: "kubectl get secrets -A -l app.kubernetes.io/managed-by=mcp2-setup" lists those of an installation`,
      );
    case 0:
      return failed(`the API server at ${server} does not answer: ${said}`);
    default:
      return failed(`the API server answered ${error.code}: ${said}`);
  }
}
