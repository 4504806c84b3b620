import { expect, test } from 'vitest';
import { matchesRequest, parseKubeRequest } from './kube-request.ts';

test.each([
  ['GET', '/api/v1/pods', { verb: 'list', group: '', resource: 'pods' }],
  ['GET', '/api/v1/pods?watch=1', { verb: 'watch', group: '', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/n/pods/p', { verb: 'get', group: '', resource: 'pods', namespace: 'n', name: 'p' }],
  ['GET', '/api/v1/namespaces/n', { verb: 'get', group: '', resource: 'namespaces', name: 'n' }],
  ['PUT', '/api/v1/namespaces/n/status', { verb: 'update', resource: 'namespaces', name: 'n', subresource: 'status' }],
  ['POST', '/apis/mcp2.dev/v1alpha1/namespaces/n/mcp2servers', { verb: 'create', group: 'mcp2.dev', namespace: 'n' }],
  ['PATCH', '/apis/mcp2.dev/v1alpha1/namespaces/n/mcp2servers/s/status', { verb: 'patch', subresource: 'status' }],
  ['DELETE', '/apis/mcp2.dev/v1alpha1/mcp2issuers/i', { verb: 'delete', resource: 'mcp2issuers', name: 'i' }],
  ['DELETE', '/apis/mcp2.dev/v1alpha1/mcp2issuers', { verb: 'deletecollection', resource: 'mcp2issuers' }],
  ['GET', '/readyz', { verb: 'other' }],
  ['GET', '/apis/mcp2.dev/v1alpha1', { verb: 'other' }],
])('%s %s is understood', (method, path, expected) => {
  expect(parseKubeRequest(method, path)).toMatchObject(expected);
});

test.each([
  ['one of several verbs', { verb: ['list', 'watch'] }, true],
  ['another verb', { verb: 'get' }, false],
  ['no subresource', { subresource: null }, true],
  ['a subresource', { subresource: 'status' }, false],
  ['the query', { path: /limit=500/ }, true],
  ['another namespace', { namespace: 'other' }, false],
  ['nothing in particular', {}, true],
] as const)('a match of %s', (_title, match, expected) => {
  const request = parseKubeRequest('GET', '/api/v1/namespaces/n/pods?limit=500');
  expect(matchesRequest(request, match)).toBe(expected);
});
