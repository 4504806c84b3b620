/** The commands of a runbook as a person would paste them: block by block, in a folder of their own. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { createWorkspace } from '../harness/processes.ts';
import { ROOT, shell } from './release.ts';

/** Runs every `sh` block below a heading; one that fails ends it. @returns what they print. @throws Error with what they say. */
export async function runRunbook(cluster: Cluster, page: string, heading: string): Promise<string> {
  const { folder } = createWorkspace('runbook');
  const text = await readFile(join(ROOT, 'docs/runbooks', `${page}.md`), 'utf8');
  const blocks = blocksBelow(text, heading);
  if (blocks.length === 0) throw new Error(`${page}.md has no commands below "${heading}"`);
  const outputs: string[] = [];
  for (const block of blocks) outputs.push(await shell(cluster, `set -eu; cd ${folder}\n${block}`));
  return outputs.join('\n');
}

function blocksBelow(text: string, heading: string): readonly string[] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^( *)```sh\n([\s\S]*?)^\1```/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}
