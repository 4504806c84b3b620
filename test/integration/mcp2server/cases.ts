/**
 * Every case of the table: each rule has at least one resource that keeps it and one that breaks it, each bound one at
 * the limit and one beyond.
 */
import { capabilityCases, patternCases, selectorCases, wordCases } from './capability-cases.ts';
import { bad, type Case, good, server, type UpdateCase } from './case.ts';
import { nameCases, wholeCases } from './identity-cases.ts';
import { readinessCases, registrationCases } from './setting-cases.ts';
import { addressCases, sourceCases, tlsCases } from './source-cases.ts';

export function createCases(): Case[] {
  return [
    ...wholeCases(),
    ...nameCases(),
    ...sourceCases(),
    ...addressCases(),
    ...tlsCases(),
    ...capabilityCases(),
    ...selectorCases(),
    ...patternCases(),
    ...wordCases(),
    ...readinessCases(),
    ...registrationCases(),
  ];
}

export function createUpdateCases(): UpdateCase[] {
  const changed = 'serverName cannot be changed, because tokens name it as their audience; create a new Mcp2Server';
  const appeared =
    'serverName cannot be added or removed later, because tokens name it as their audience; create a new Mcp2Server';
  const named = server({ serverName: 'One' }, 'named');
  const unnamed = server({}, 'unnamed');
  const path = 'spec.serverName';
  const update = (before: Record<string, unknown>, result: Case): UpdateCase => ({ ...result, before });
  return [
    update(named, good('the same server name', named)),
    update(
      named,
      good('another source', server({ serverName: 'One', source: { address: 'grpcs://a.example:1' } }, 'named')),
    ),
    update(named, bad('another server name', server({ serverName: 'Two' }, 'named'), path, changed)),
    update(named, bad('the same name in other case', server({ serverName: 'one' }, 'named'), path, changed)),
    update(named, bad('the server name removed', server({}, 'named'), path, appeared)),
    update(unnamed, good('still no server name', server({ capabilityMode: 'Declared' }, 'unnamed'))),
    update(unnamed, bad('the server name added', server({ serverName: 'unnamed' }, 'unnamed'), path, appeared)),
  ];
}
