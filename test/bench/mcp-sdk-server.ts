/**
 * The official Model Context Protocol SDK's Streamable HTTP server with one tool, `echo`, as its users have it: express,
 * one transport a request (stateless) or a session (stateful). Its one argument is an McpSdkServerConfig as JSON. Prints
 * "listening on PORT".
 */
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Request, type Response } from 'express';
import { z } from 'zod';

export interface McpSdkServerConfig {
  readonly sessions: 'stateless' | 'stateful';
}

type Transport = StreamableHTTPServerTransport;

function createEchoServer(): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  const tool = { description: 'Says what it was told.', inputSchema: { data: z.string() } };
  server.registerTool('echo', tool, async ({ data }) => ({ content: [{ type: 'text', text: data }] }));
  return server;
}

async function connectTransport(transport: Transport): Promise<McpServer> {
  const server = createEchoServer();
  // Its own Transport type says "undefined" otherwise than its interface under exactOptionalPropertyTypes.
  await server.connect(transport as Parameters<McpServer['connect']>[0]);
  return server;
}

async function answerOnce(request: Request, response: Response): Promise<void> {
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  const server = await connectTransport(transport);
  response.on('close', () => {
    Promise.all([transport.close(), server.close()]).catch(() => undefined);
  });
  await transport.handleRequest(request, response, request.body);
}

function createSessions() {
  const sessions = new Map<string, Transport>();
  return async (request: Request, response: Response): Promise<void> => {
    const known = sessions.get(request.header('mcp-session-id') ?? '');
    const transport = known ?? (await open());
    await transport.handleRequest(request, response, request.body);
  };

  async function open(): Promise<Transport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (id) => {
        sessions.set(id, transport);
      },
    });
    await connectTransport(transport);
    return transport;
  }
}

function main({ sessions }: McpSdkServerConfig): void {
  const app = express();
  app.use(express.json({ limit: '64mb' }));
  const answer = sessions === 'stateless' ? answerOnce : createSessions();
  app.post('/mcp', (request, response) => answer(request, response));
  const server = app.listen(0, '127.0.0.1', () => {
    const address = server.address();
    console.log(`listening on ${typeof address === 'object' ? address?.port : ''}`);
  });
  server.keepAliveTimeout = 60_000;
}

if (import.meta.main) main(JSON.parse(process.argv[2] ?? '{}') as McpSdkServerConfig);
