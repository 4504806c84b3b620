/**
 * Starts the doctor. Plain JavaScript, because a Node that is too old to read TypeScript must still be told which
 * one is needed.
 */

const MINIMUM_NODE_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) < MINIMUM_NODE_MAJOR) {
  const install = 'npm ci (on Linux), or Node 24 from https://nodejs.org/en/download';
  const found = process.versions.node;
  const json = process.argv.includes('json') || process.argv.includes('--output=json');
  const checks = [{ name: 'node', state: 'missing', found, for: 'everything', install }];
  const text = `missing  node  ${found} is too old: version ${MINIMUM_NODE_MAJOR} is needed; install: ${install}`;
  console.log(json ? JSON.stringify({ ok: false, checks }, undefined, 2) : text);
  process.exitCode = 1;
} else {
  const { doctor } = await import('./doctor.ts');
  process.exitCode = await doctor(process.argv.slice(2), console.log);
}
