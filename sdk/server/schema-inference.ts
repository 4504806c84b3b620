/**
 * The TypeScript type of what a schema describes, so that handlers need no types of their own: Standard Schema says its types
 * itself; of a JSON Schema that is written as a literal `type`, `properties`, `required`, `items`, `enum`, `const` and
 * `default` are understood, and anything else is `unknown`.
 */
import type { JsonObject, JsonSchema } from './declaration.ts';
import type { StandardSchema } from './standard-schema.ts';

export type Schema = JsonSchema | StandardSchema;

/** Of a context that has none. */
export type NoParameters = { readonly type: 'object'; readonly properties: Readonly<Record<never, never>> };

/** What a handler gets: defaults are filled in. */
export type ArgumentsOf<S> =
  S extends StandardSchema<infer _Input, infer Output> ? Output : unknown extends ValueOf<S> ? JsonObject : ValueOf<S>;

/** What a handler may return. */
export type ResultOf<S> = S extends StandardSchema<infer Input, infer _Output> ? Input : ValueOf<S>;

type ValueOf<S> = S extends { readonly const: infer Only }
  ? Only
  : S extends { readonly enum: readonly (infer Each)[] }
    ? Each
    : S extends { readonly type: infer Type }
      ? OfType<Type extends readonly (infer Each)[] ? Each : Type, S>
      : unknown;

type OfType<Type, S> = Type extends 'string'
  ? string
  : Type extends 'number' | 'integer'
    ? number
    : Type extends 'boolean'
      ? boolean
      : Type extends 'null'
        ? null
        : Type extends 'array'
          ? ItemsOf<S>
          : Type extends 'object'
            ? MembersOf<S>
            : unknown;

type ItemsOf<S> = S extends { readonly items: infer Items } ? readonly ValueOf<Items>[] : readonly unknown[];

type MembersOf<S> = S extends { readonly properties: infer Properties }
  ? Flat<
      { readonly [Name in Present<S, Properties>]: ValueOf<Properties[Name]> } & {
        readonly [Name in Exclude<keyof Properties, Present<S, Properties>>]?: ValueOf<Properties[Name]>;
      }
    >
  : JsonObject;

/** Required, or with a default. */
type Present<S, Properties> = {
  [Name in keyof Properties]: Properties[Name] extends { readonly default: unknown }
    ? Name
    : S extends { readonly required: readonly (infer Required)[] }
      ? Name extends Required
        ? Name
        : never
      : never;
}[keyof Properties];

type Flat<T> = { [Name in keyof T]: T[Name] };

/** Names in braces: "pets:{id}:weight" → {id: string}. */
export type SegmentsOf<Key extends string> = string extends Key
  ? Readonly<Record<string, string>>
  : { readonly [Name in NamesIn<Key>]: string };

type NamesIn<Key extends string> = Key extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
