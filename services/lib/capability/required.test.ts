import { expect, test } from 'vitest';
import { hasReason, type Reason } from '#lib/errors.ts';
import { compilePattern } from './pattern.ts';
import { requiredCapabilities, requiredToProvide } from './required.ts';
import { compileResource, isMethod, type Method, RESOURCE_KINDS } from './resource.ts';

test.each<[Method, string, string[]]>([
  ['ContextTool.RequestContext', 'inventory:p1', ['db:inventory:read', 'context:read:inventory:p1']],
  ['ContextTool.RequestContext', 'payroll:2025', ['db:payroll:read', 'context:read:payroll:2025']],
  ['ContextTool.UploadContext', 'inventory', ['db:inventory:write', 'context:write:inventory']],
  ['ContextTool.InvokeTool', 'enhance_image', ['tool:enhance_image']],
  ['ContextTool.SubscribeTelemetry', 'cpu', ['telemetry:read', 'telemetry:read:cpu']],
  ['ContextTool.MultiModalExchange', '', ['tool:multimodal_exchange']],
  ['ContextTool.MultiModalExchange', 'chat', ['tool:multimodal_exchange', 'tool:multimodal_exchange:chat']],
  ['EventBus.Publish', 'inventory:p1', ['event:publish:inventory:p1']],
  ['EventBus.Subscribe', 'inventory:*:low_stock', ['event:subscribe:inventory:*:low_stock']],
  ['EventBus.Ack', 'inventory:*', ['event:subscribe:inventory:*']],
  ['EventBus.DeleteSubscription', '*', ['event:subscribe:*']],
  ['Discovery.Register', 'Other', ['registry:register:Other']],
  ['Discovery.Register', 'Me', ['registry:register:Me', 'registry:register']],
  ['Discovery.Heartbeat', 'Other', ['registry:register:Other']],
  ['Discovery.Deregister', 'Other', ['registry:register:Other']],
  ['Discovery.Lookup', 'db:*', ['db:*', 'registry:lookup', 'registry:lookup:db:*']],
  ['Discovery.Watch', 'db:a', ['db:a', 'registry:lookup', 'registry:lookup:db:a']],
  ['ServiceInfo.GetCard', 'Me', []],
  ['TokenService.Revoke', 'shop.agent', ['token:revoke:shop.agent']],
])('%s on %j needs one of %j', (method, resource, expected) => {
  const required = requiredCapabilities(method, compileResource(method, resource), 'Me');
  expect(required.map((pattern) => pattern.text)).toEqual(expected);
});

test.each([
  ['*', 'db:*:read'],
  ['*:stock', 'db:*:read'],
  ['inventory:*', 'db:inventory:read'],
])('a context pattern %s, as a grant may hold one, needs %s', (text, expected) => {
  const [database] = requiredCapabilities('ContextTool.RequestContext', compilePattern(text), 'Me');
  expect(database?.text).toBe(expected);
  expect(database?.hasRest).toBe(false);
});

test.each<[Method, string, Reason]>([
  ['ContextTool.RequestContext', 'inventory:*', 'NAME_INVALID'],
  ['ContextTool.RequestContext', '', 'NAME_INVALID'],
  ['ContextTool.InvokeTool', '*', 'NAME_INVALID'],
  ['ContextTool.InvokeTool', 'a:b', 'NAME_INVALID'],
  ['ContextTool.MultiModalExchange', '*', 'NAME_INVALID'],
  ['EventBus.Publish', 'a:*', 'NAME_INVALID'],
  ['EventBus.Publish', Array(13).fill('a').join(':'), 'NAME_INVALID'],
  ['EventBus.Subscribe', 'a:**', 'FILTER_INVALID'],
  ['EventBus.Subscribe', Array(13).fill('a').join(':'), 'FILTER_INVALID'],
  ['Discovery.Register', 'Inv_*', 'NAME_INVALID'],
  ['Discovery.Lookup', 'db:inv*', 'FILTER_INVALID'],
  ['Discovery.Lookup', '', 'FILTER_INVALID'],
])('%s refuses the resource %j with %s', (method, resource, reason) => {
  expect(() => compileResource(method, resource)).toThrow(expect.toSatisfy((error) => hasReason(error, reason)));
});

test.each([
  ['db:inventory:read', ['registry:provide:db:inventory:read', 'registry:register']],
  ['event:publish:inventory:*', ['registry:provide:event:publish:inventory:*', 'registry:register']],
  ['db:inventory', ['registry:provide:db:inventory', 'registry:register']],
  ['*', ['registry:provide:*']],
  ['tool:*', ['registry:provide:tool:*']],
  ['*:inventory', ['registry:provide:*:inventory']],
  ['db:*:read', ['registry:provide:db:*:read']],
  ['db', ['registry:provide:db']],
])('declaring %s under the own name needs one of %j', (declared, expected) => {
  expect(provides(declared, 'Me', 'bearer')).toEqual(expected);
});

test('the bare right declares nothing under another name, nor in profile strict', () => {
  expect(provides('db:inventory:read', 'Other', 'bearer')).toEqual(['registry:provide:db:inventory:read']);
  expect(provides('db:inventory:read', 'Me', 'strict')).toEqual(['registry:provide:db:inventory:read']);
});

test('only the methods of the table are methods', () => {
  expect(Object.keys(RESOURCE_KINDS).every(isMethod)).toBe(true);
  expect(['toString', 'ContextTool.requestContext', 'ContextTool.*'].map(isMethod)).toEqual([false, false, false]);
});

function provides(declared: string, serverName: string, profile: 'bearer' | 'strict'): string[] | undefined {
  const pattern = compilePattern(declared);
  return pattern && requiredToProvide(pattern, { serverName, sub: 'Me', profile }).map(({ text }) => text);
}
