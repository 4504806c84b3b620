/** Calls of the official SDK's server, as its own client makes them. */
import type { TargetOptions } from './tools-target.ts';

type Headers = Readonly<Record<string, string>>;

const VERSION = '2025-06-18';
const HEADERS: Headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': VERSION,
};

/** @returns the headers of every call; stateful, with the session that was opened for them */
export async function openSdkSession(address: string, sessions: 'stateless' | 'stateful'): Promise<Headers> {
  if (sessions === 'stateless') return HEADERS;
  const url = `http://${address}/mcp`;
  const params = { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } };
  const opened = await post(url, HEADERS, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const headers = { ...HEADERS, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  await post(url, headers, { jsonrpc: '2.0', method: 'notifications/initialized' });
  return headers;
}

/** @param data What the tool `echo` is told. */
export function sdkRequest(
  data: string,
  headers: Headers,
): Pick<TargetOptions, 'path' | 'message' | 'protocol' | 'headers' | 'check'> {
  const params = { name: 'echo', arguments: { data } };
  return {
    path: '/mcp',
    message: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })),
    protocol: 'http/1.1',
    headers,
    check(answer) {
      const { result } = JSON.parse(answer.toString()) as { result: { content: readonly { text: string }[] } };
      if (result.content[0]?.text !== data) throw new Error('it says something else');
    },
  };
}

async function post(url: string, headers: Headers, message: object): Promise<Response> {
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(message) });
  await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer;
}
