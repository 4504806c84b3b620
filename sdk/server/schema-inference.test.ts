/** Types are checked by tsc: what is asserted here fails `npm run check`, and not the run. */
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { createServer } from './create-server.ts';
import type { JsonObject } from './declaration.ts';
import type { ArgumentsOf, SegmentsOf } from './schema-inference.ts';

const AMBIENT = { env: {}, homeFolder: '/nowhere', uid: undefined };

test('arguments have the types that a JSON Schema says', () => {
  createServer({ name: 'A', version: '1.0.0', ambient: AMBIENT }).tool(
    'feed',
    {
      input: {
        type: 'object',
        properties: {
          pet: { type: 'string' },
          grams: { type: 'integer', default: 5 },
          unit: { enum: ['g', 'kg'] },
          tags: { type: 'array', items: { type: 'string' } },
          deep: { type: 'object', properties: { a: { type: ['number', 'null'] } }, required: ['a'] },
          any: {},
        },
        required: ['pet'],
      },
      output: { type: 'object', properties: { fed: { type: 'integer' } }, required: ['fed'] },
    },
    (args, call) => {
      expectTypeOf(args.pet).toEqualTypeOf<string>();
      expectTypeOf(args.grams).toEqualTypeOf<number>();
      expectTypeOf(args.unit).toEqualTypeOf<'g' | 'kg' | undefined>();
      expectTypeOf(args.tags).toEqualTypeOf<readonly string[] | undefined>();
      expectTypeOf(args.deep).toEqualTypeOf<{ readonly a: number | null } | undefined>();
      expectTypeOf(args.any).toEqualTypeOf<unknown>();
      expectTypeOf(call.signal).toEqualTypeOf<AbortSignal>();
      // @ts-expect-error a member that the schema does not have
      args.nothing;
      return { fed: 1 };
    },
  );
});

test('a result that breaks the output schema does not compile', () => {
  const server = createServer({ name: 'A', version: '1.0.0', ambient: AMBIENT });
  const output = { type: 'object', properties: { fed: { type: 'integer' } }, required: ['fed'] } as const;
  // @ts-expect-error a text is no whole number
  server.tool('wrong', { output }, () => ({ fed: 'much' }));
  // @ts-expect-error neither by zod
  server.tool('wrong2', { output: z.object({ fed: z.int() }) }, async () => ({ fed: 'much' }));
});

test('without a schema arguments are an object of anything, and results anything', () => {
  createServer({ name: 'A', version: '1.0.0', ambient: AMBIENT }).tool('any', {}, (args) => {
    expectTypeOf(args).toEqualTypeOf<JsonObject>();
    return [1, 2];
  });
  expectTypeOf<ArgumentsOf<Record<string, unknown>>>().toEqualTypeOf<JsonObject>();
});

test('arguments have the types that zod says, after its conversions', () => {
  const input = z.object({
    pet: z.string(),
    grams: z.int().default(5),
    size: z.string().transform((text) => text.length),
  });
  createServer({ name: 'A', version: '1.0.0', ambient: AMBIENT })
    .tool('feed', { input }, ({ pet, grams, size }) => {
      expectTypeOf(pet).toEqualTypeOf<string>();
      expectTypeOf(grams).toEqualTypeOf<number>();
      expectTypeOf(size).toEqualTypeOf<number>();
    })
    .context('pets:{id}:weight', { parameters: z.object({ unit: z.enum(['g', 'kg']) }) }, ({ id }, { unit }) => {
      expectTypeOf(id).toEqualTypeOf<string>();
      expectTypeOf(unit).toEqualTypeOf<'g' | 'kg'>();
      return 1;
    });
});

test('segments are those of the key', () => {
  expectTypeOf<SegmentsOf<'a:{b}:c:{d}'>>().toEqualTypeOf<{ readonly b: string; readonly d: string }>();
  expectTypeOf<SegmentsOf<string>>().toEqualTypeOf<Readonly<Record<string, string>>>();
  createServer({ name: 'A', version: '1.0.0', ambient: AMBIENT }).context('a:{b}', {}, (segments, parameters) => {
    expectTypeOf(segments.b).toEqualTypeOf<string>();
    // @ts-expect-error the key has no such segment
    segments.c;
    // @ts-expect-error there are no parameters
    parameters.unit;
    return null;
  });
});
