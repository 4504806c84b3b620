/**
 * A service that exists nowhere else, added to a copy of the tracked tree by what CONTRIBUTING.md says of an RPC, a service
 * and a component of the chart. Its files are in made-up-service/, as they lie in the tree; here are the edits.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeChartFiles } from '../../helm/generate.ts';
import { createWorkspace } from '../harness/processes.ts';
import { addComponent, type MadeUpComponent } from './made-up-component.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = join(import.meta.dirname, 'made-up-service');

export const PRICE_FEED: MadeUpComponent = {
  key: 'priceFeed',
  traits: { port: 50070 },
  values: `# Whether it is installed.
enabled: true
# Requests and limits.
# @schema $ref: resources
resources: {requests: {cpu: 50m, memory: 64Mi}}
`,
};

/** A file, the text that it must hold, and what is put before it. */
const EDITS: readonly (readonly [file: string, before: string, added: string])[] = [
  // To add a service: its .proto file.
  ['protos/load.ts', "  'mcp2/service_info.proto',\n", "  'mcp2/price_feed.proto',\n"],
  [
    'protos/load.ts',
    'import type { ServiceInfoDefinition }',
    "import type { PriceFeedDefinition } from './generated/mcp2/PriceFeed.ts';\n",
  ],
  ['protos/load.ts', '  readonly ServiceInfo: S', '  readonly PriceFeed: PriceFeedDefinition;\n'],
  ['protos/load.ts', "    ServiceInfo: find('", "    PriceFeed: find('mcp2.PriceFeed') as PriceFeedDefinition,\n"],
  // To add an RPC: what it requires, and its row.
  ['services/lib/capability/resource.ts', "  'ServiceInfo.GetCard': 'server',\n", "  'PriceFeed.Quote': 'name',\n"],
  [
    'services/lib/capability/required.ts',
    "    case 'ServiceInfo.GetCard':\n",
    "    case 'PriceFeed.Quote':\n      return [prefixed(['context', 'read'], resource)];\n",
  ],
  [
    'services/lib/middleware/method-rules.ts',
    '  ServiceInfo: {\n',
    `  PriceFeed: {
    Quote: { on: 'request', credential: ofCapabilityToken, resource: ({ article }) => article, writes: false },
  },
`,
  ],
  // Where it runs.
  ['image/entry.mjs', "  'context-tool': '../services/", "  'price-feed': '../services/price-feed/main.ts',\n"],
  ['cli/up/parts.ts', 'import { registryPart }', "import { priceFeedPart } from './parts/price-feed.ts';\n"],
  ['cli/up/parts.ts', 'contextToolPart, operatorPart];', 'priceFeedPart, '],
];

/** @returns the folder of the copy. */
export function treeWithPriceFeed(): string {
  const { folder } = createWorkspace('tree');
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0');
  for (const path of tracked.filter((name) => name !== '')) copy(join(ROOT, path), join(folder, path));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  cpSync(FILES, folder, { recursive: true });
  for (const edit of EDITS) apply(folder, edit);
  execFileSync(process.execPath, [join(folder, 'protos/generate.ts')], { cwd: folder });
  addComponent(join(folder, 'helm/mcp2'), PRICE_FEED);
  writeChartFiles(pathToFileURL(`${folder}/`));
  return folder;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}

function apply(folder: string, [file, before, added]: (typeof EDITS)[number]): void {
  const path = join(folder, file);
  const [head, tail, ...more] = readFileSync(path, 'utf8').split(before);
  if (head === undefined || tail === undefined || more.length > 0) throw new Error(`${file} has not one "${before}"`);
  writeFileSync(path, `${head}${added}${before}${tail}`);
}
