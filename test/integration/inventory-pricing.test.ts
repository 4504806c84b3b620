/** The tool of examples/inventory/pricing.yaml, from its configuration to its answer. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { decodeArguments } from '#lib/json-schema/arguments.ts';
import { type CompiledSchema, compileSchema } from '#lib/json-schema/compile.ts';
import { createConfigReader } from '../../services/context-tool/config/read-config.ts';
import type { ModuleConfig } from '../../services/context-tool/config/runtime-config.ts';
import { shown, startModules, type TestModules } from './modules/fixture.ts';

const FOLDER = join(import.meta.dirname, '../../examples/inventory');

let modules: TestModules;
let module: ModuleConfig;
let input: CompiledSchema;
let output: CompiledSchema;

beforeAll(async () => {
  modules = await startModules();
  const options = { file: join(FOLDER, 'pricing.yaml'), workingFolder: FOLDER, sqlite: 'unchecked' } as const;
  const { config, problems } = createConfigReader()(options);
  const [tool] = config?.tools ?? [];
  if (tool === undefined || !('module' in tool)) throw new Error(JSON.stringify(problems));
  module = tool.module;
  input = compileSchema(tool.input ?? {}, { closed: false });
  output = compileSchema(tool.output ?? {}, { closed: false });
  modules.tool(module);
  expect(await modules.check(new AbortController().signal)).toEqual([]);
});
afterAll(() => modules[Symbol.asyncDispose]());

/** As the wire brings them: text. */
const priced = (args: Readonly<Record<string, string>>, warn = (_: string): void => undefined) => {
  const values = Object.fromEntries(Object.entries(args).map(([name, text]) => [name, Buffer.from(text)]));
  return modules.call(module, decodeArguments(input, { values }), { warn });
};

test.each([
  ["the proposal's example", 'prod_12345', '42', '95.8'],
  ['no stock, full price', 'prod_12345', '0', '100'],
  ['half of the list price at the floor', 'prod_12345', '500', '50'],
  ['never below the floor', 'prod_12345', '999999999', '50'],
  ['whole cents', 'prod_67890', '7', '24.33'],
])('%s: %s with %s pieces costs %s', async (_title, sku, stock_count, price) => {
  const answer = shown(await priced({ sku, stock_count })) as Readonly<Record<string, string>>;
  expect(answer).toEqual({ recommended_price: price });
  expect(output.check({ recommended_price: Number(answer.recommended_price) }).ok).toBe(true);
});

test('above the floor it warns', async () => {
  const warnings: string[] = [];
  await priced({ sku: 'prod_12345', stock_count: '501' }, (warning) => warnings.push(warning));
  expect(warnings).toEqual(['the price does not fall further above 500 pieces']);
});

test('an unknown product is a tool that ran and failed, not a failed call', async () => {
  const message = 'there is no product "prod_0"';
  expect(await priced({ sku: 'prod_0', stock_count: '1' })).toEqual({
    success: false,
    errorCode: 'SKU_UNKNOWN',
    message,
  });
});

test.each([
  ['a missing argument', { sku: 'prod_12345' }],
  ['an unknown argument', { sku: 'prod_12345', stock_count: '1', currency: 'EUR' }],
  ['a negative count', { sku: 'prod_12345', stock_count: '-1' }],
  ['a leading zero', { sku: 'prod_12345', stock_count: '042' }],
  ['a count beyond any stock', { sku: 'prod_12345', stock_count: '10000000000' }],
  ['an empty sku', { sku: '', stock_count: '1' }],
])('%s is ARGUMENT_INVALID', (_title, args) => {
  expect(() => priced(args as Readonly<Record<string, string>>)).toThrow(ServiceError);
});
