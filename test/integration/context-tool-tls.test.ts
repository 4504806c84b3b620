import { execFile } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { tlsClient } from '#lib/grpc/credentials.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { loadServices } from '#protos/load.ts';
import { INVENTORY } from '../harness/mcp2-command.ts';
import { createCertificateAuthority } from '../harness/pki.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';

const MAIN = join(import.meta.dirname, '../../services/context-tool/main.ts');

test('the process answers over mTLS, says so on its ops port and ends in order on SIGTERM', async () => {
  const workspace = createWorkspace('context-tool');
  const authority = await createCertificateAuthority(join(workspace.folder, 'pki'));
  const [ofServer, ofClient] = [
    await authority.issue({ commonName: 'context-tool' }),
    await authority.issue({ commonName: 'a' }),
  ];
  const generated = await generateSigningKey('ES256');
  const jwksFile = join(workspace.folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify(generated.publicJwks));
  const [port, opsPort] = await freePorts(2);
  for (const name of readdirSync(INVENTORY).filter((file) => file.endsWith('.sql')))
    copyFileSync(join(INVENTORY, name), join(workspace.folder, name));
  const configuration = join(workspace.folder, 'inventory.yaml');
  const example = readFileSync(join(INVENTORY, 'inventory.yaml'), 'utf8');
  // In a pod a database has an absolute path.
  writeFileSync(configuration, example.replace('stock.db', join(workspace.folder, 'stock.db')));
  const env = {
    MCP2_LISTEN: `127.0.0.1:${port}`,
    MCP2_CONTEXT_TOOL_CONFIG: configuration,
    MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}`,
    MCP2_JWKS_FILE: jwksFile,
    MCP2_ISSUER: 'mcp2:test',
    MCP2_TLS_CERT_FILE: ofServer.certificateFile,
    MCP2_TLS_KEY_FILE: ofServer.keyFile,
    MCP2_TLS_CLIENT_CA_FILE: authority.certificateFile,
  };
  const ready = async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok;
  await using server = new ManagedProcess(
    { name: 'context-tool', command: process.execPath, args: [MAIN], env, ready },
    workspace,
  );
  await server.start();

  const tls = await tlsClient(
    {
      caFile: authority.certificateFile,
      certificateFile: ofClient.certificateFile,
      keyFile: ofClient.keyFile,
    },
    { clock: systemClock, log: createLogger({ service: 'test', level: 'silent' }) },
  );
  const client = createClient(loadServices().ContextTool, `localhost:${port}`, tls);
  const claims = { iss: 'mcp2:test', sub: 'a', aud: ['InventoryDB_*'], capabilities: ['context:read:inventory:*'] };
  const capability_token = await mintToken(await importSigningKey(generated.privateJwk), claims, {
    clock: systemClock,
  });
  const answer = await client.call('RequestContext', {
    context_key: 'inventory:prod_67890:stock_count',
    capability_token,
  });
  expect(answer.serialized_value.toString()).toBe('7');
  client.close();
  tls.close();

  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(await server.log()).not.toContain(capability_token);
  rmSync(workspace.folder, { recursive: true });
});

test('a wrong configuration ends the process with every problem and no stack', async () => {
  const env = { MCP2_LISTEN: 'nowhere' };
  const ended = await promisify(execFile)(process.execPath, [MAIN], { env }).catch((error: unknown) => error);
  const { code, stderr } = ended as { code: number; stderr: string };
  expect(code).toBe(1);
  for (const name of ['MCP2_LISTEN', 'MCP2_JWKS_FILE', 'MCP2_ISSUER', 'MCP2_CONTEXT_TOOL_CONFIG'])
    expect(stderr).toContain(name);
  expect(stderr).not.toContain('    at ');
});
