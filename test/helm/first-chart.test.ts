/** The image serves pods of the first packaged chart too: after a rollback, or where only the image was changed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { render } from './chart.ts';

const FIRST = join(import.meta.dirname, '../e2e/fixtures/mcp2-0.1.0.tgz');
const SETTINGS = readFileSync(join(import.meta.dirname, '../../docs/settings.md'), 'utf8');

test.each(['', 'operator.enabled=false', 'tls.mode=existingSecret', 'etcd.mode=external'])(
  'every variable that the first chart sets is still a setting (%s)',
  async (assignment) => {
    const set = [...(assignment === '' ? [] : [assignment]), 'sample.enabled=true'];
    const external = ['etcd.external.endpoints={https://etcd:2379}', 'etcd.external.existingSecret=a'];
    const more = assignment === 'etcd.mode=external' ? external : [];
    const objects = await render({ chart: FIRST, set: [...set, ...more] });
    const names = new Set([...JSON.stringify(objects).matchAll(/"name":"(MCP2_[A-Z0-9_]+)"/g)].map(([, name]) => name));
    expect(names.size).toBeGreaterThan(20);
    expect([...names].filter((name) => !SETTINGS.includes(`\`${name}\``))).toEqual([]);
  },
);
