/** What a running server cannot become: clients hold its name and address, and its open statements their database. */
import { quoted } from '#lib/printable.ts';
import type { FixedPlaces } from './read-config.ts';
import type { Problem, RuntimeConfig } from './runtime-config.ts';

/** @returns nothing when the new configuration can take the place of the one in force */
export function whyRestart(before: RuntimeConfig, after: RuntimeConfig, places: FixedPlaces): readonly Problem[] {
  const problems: Problem[] = [];
  if (before.server.name !== after.server.name) {
    const message = `the server runs as ${quoted(before.server.name)}; restart it for another name`;
    problems.push({ ...places.serverName, message });
  }
  if (before.listen !== after.listen) {
    const where = before.listen === undefined ? 'where its process was told' : `on ${quoted(before.listen)}`;
    problems.push({ ...places.listen, message: `the server listens ${where}; restart it for another address` });
  }
  for (const [name, { kind, place }] of after.databases) {
    const known = before.databases.get(name);
    if (known === undefined || known.kind === kind) continue;
    problems.push({ ...place, message: `${quoted(name)} runs as ${known.kind}; restart the server for another kind` });
  }
  return problems;
}
