/** `spec.capabilities`: lists, selectors, patterns and words. */
import { bad, type Case, good, READ, server } from './case.ts';

const FIRST = 'spec.capabilities[0]';

const RIGHT_PATTERNS = ['a', 'inventory:*', 'inventory:*:low_stock', 'a:*:*', '_1:A.b@c=d+e~f-g'];
/** Of every kind of capability, so right for what a capability reaches and wrong for its own name. */
const ALL_KINDS = ['*:a', '*:*'];
const WRONG_PATTERNS = [
  '',
  'inventory:prod*',
  'a::b',
  ':a',
  'a:',
  'a:**',
  '**',
  'a b',
  '-a',
  'a/b',
  'a%',
  'a>b',
  'a:#',
];
const MORE_WRONG_PATTERNS = ['a?', 'a[b]', 'a{b}', '$a', 'é', 'a\n', 'a'.repeat(129), `a:${'b'.repeat(129)}:c`];

/** The list and its members, whichever methods they go with. */
export function capabilityCases(): Case[] {
  const empty = 'no capability is declared; write at least one entry in capabilities, or capabilityMode: Discovered';
  const one = (capability: object) => server({ capabilities: [{ ...READ, ...capability }] });
  const many = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `db:t${index}:read` }));
  return [
    good('Discovered without capabilities', server({ capabilityMode: 'Discovered', capabilities: undefined })),
    good('Discovered with an empty list', server({ capabilityMode: 'Discovered', capabilities: [] })),
    bad('no capabilities', server({ capabilities: undefined }), 'spec.capabilities', empty),
    bad('an empty list', server({ capabilityMode: 'Declared', capabilities: [] }), 'spec.capabilities', empty),
    bad('an unknown mode', server({ capabilityMode: 'Auto' }), 'spec.capabilityMode'),
    good('64 capabilities', server({ capabilities: many(64) })),
    bad('65 capabilities', server({ capabilities: many(65) }), 'spec.capabilities'),
    bad('a capability twice', server({ capabilities: [READ, READ] }), 'spec.capabilities[1]'),
    bad('a capability without a name', server({ capabilities: [{ readOnly: true }] }), `${FIRST}.name`),
    bad('an unknown method', one({ methods: ['ContextTool.Invoke'] }), `${FIRST}.methods[0]`),
    bad('a wildcard method', one({ methods: ['ContextTool.*'] }), `${FIRST}.methods[0]`),
    bad('a method twice', one({ methods: ['EventBus.Ack', 'EventBus.Ack'] }), `${FIRST}.methods[1]`),
    good('32 parameters', one({ params: words(32) })),
    bad('33 parameters', one({ params: words(33) }), `${FIRST}.params`),
    bad('a parameter twice', one({ params: ['a', 'a'] }), `${FIRST}.params[1]`),
    bad('readOnly as text', one({ readOnly: 'yes' }), `${FIRST}.readOnly`),
    bad('idempotent as number', one({ idempotent: 1 }), `${FIRST}.idempotent`),
    good('every list full, which the rules must still be able to afford', server({ capabilities: fullLists() })),
  ];
}

/** tools, contextKeys and topics: each with its methods, and with another's. */
export function selectorCases(): Case[] {
  const keys =
    'contextKeys belong to ContextTool.RequestContext and ContextTool.UploadContext; add one to methods or remove contextKeys';
  const selectors = [
    {
      field: 'tools',
      methods: ['ContextTool.InvokeTool'],
      others: ['EventBus.Ack', 'ContextTool.RequestContext'],
      sentence: 'tools belong to ContextTool.InvokeTool; add it to methods or remove tools',
    },
    {
      field: 'contextKeys',
      methods: ['ContextTool.RequestContext', 'ContextTool.UploadContext'],
      others: ['ContextTool.InvokeTool', 'EventBus.Publish'],
      sentence: keys,
    },
    {
      field: 'topics',
      methods: ['EventBus.Publish', 'EventBus.Subscribe', 'EventBus.Ack', 'EventBus.DeleteSubscription'],
      others: ['ContextTool.RequestContext', 'ContextTool.SubscribeTelemetry'],
      sentence: 'topics belong to the methods of EventBus; add one, for example EventBus.Publish, or remove topics',
    },
  ];
  return selectors.flatMap(({ field, methods, others, sentence }) => {
    const put = (given: object) => server({ capabilities: [{ ...READ, ...given }] });
    const path = `${FIRST}.${field}`;
    return [
      ...methods.map((method) => good(`${field} with ${method}`, put({ methods: [method], [field]: ['a'] }))),
      good(`${field} with all methods`, put({ methods: [...others, ...methods], [field]: ['a'] })),
      good(`${field}: 32`, put({ methods, [field]: words(32) })),
      bad(`${field}: 33`, put({ methods, [field]: words(33) }), path),
      bad(`${field}: one twice`, put({ methods, [field]: ['a', 'a'] }), `${path}[1]`),
      bad(`${field} without methods`, put({ [field]: ['a'] }), path, sentence),
      bad(`${field} with an empty list of methods`, put({ methods: [], [field]: ['a'] }), path, sentence),
      bad(`${field} with methods of others`, put({ methods: others, [field]: ['a'] }), path, sentence),
    ];
  });
}

export function patternCases(): Case[] {
  const names =
    "write 1 to 16 segments joined by ':', each '*' alone or at most 128 letters, digits and _.@=+~- that start with a letter, a digit or '_'";
  const everything = "a '*' alone reaches everything; write at least the first segment, for example db:*";
  const inFront = "a '*' in front reaches every kind of capability; write the first segment, for example db:*";
  const put = (capability: object) => server({ capabilities: [{ ...READ, ...capability }] });
  const keys = (pattern: string) => put({ methods: ['ContextTool.RequestContext'], contextKeys: [pattern] });
  const topics = (pattern: string) => put({ methods: ['EventBus.Publish'], topics: [pattern] });
  const places = [
    { path: `${FIRST}.name`, most: 16, sentence: names, refused: inFront, write: (name: string) => put({ name }) },
    { path: `${FIRST}.contextKeys[0]`, most: 16, sentence: names, refused: everything, write: keys },
    { path: `${FIRST}.topics[0]`, most: 12, sentence: names.replace('16', '12'), refused: everything, write: topics },
  ];
  const segments = (count: number, last = 'a') => [...Array<string>(count - 1).fill('a'), last].join(':');
  return places.flatMap(({ path, most, sentence, refused, write }) => {
    const title = (pattern: string) => `${path}: ${JSON.stringify(pattern.slice(0, 30))}`;
    const wrong = [...WRONG_PATTERNS, ...MORE_WRONG_PATTERNS];
    return [
      ...RIGHT_PATTERNS.map((pattern) => good(title(pattern), write(pattern))),
      ...wrong.map((pattern) => bad(title(pattern), write(pattern), path, sentence)),
      bad(`${path}: '*'`, write('*'), path, refused),
      ...ALL_KINDS.map((pattern) =>
        refused === inFront ? bad(title(pattern), write(pattern), path, refused) : good(title(pattern), write(pattern)),
      ),
      good(`${path}: ${most} segments`, write(segments(most))),
      good(`${path}: ${most} segments, the last one '*'`, write(segments(most, '*'))),
      bad(`${path}: one segment more`, write(segments(most + 1)), path, sentence),
      bad(`${path}: one segment more, the last one '*'`, write(segments(most + 1, '*')), path, sentence),
      good(`${path}: 512 characters`, write(`${`${'a'.repeat(127)}:`.repeat(3)}${'a'.repeat(128)}`)),
      bad(`${path}: 513 characters`, write(`${`${'a'.repeat(127)}:`.repeat(4)}a`), path),
    ];
  });
}

export function wordCases(): Case[] {
  const tool = "write a tool name of 1 to 128 letters, digits, '_', '.' and '-'";
  const reserved = 'multimodal_exchange is reserved for ContextTool.MultiModalExchange; write another tool name';
  const param = "write a letter or '_', then at most 63 letters, digits, '_', '.' or '-'; __proto__ is not allowed";
  const withTool = (name: string) =>
    server({ capabilities: [{ ...READ, methods: ['ContextTool.InvokeTool'], tools: [name] }] });
  const withParam = (name: string) => server({ capabilities: [{ ...READ, params: [name] }] });
  const toolPath = 'spec.capabilities[0].tools[0]';
  const paramPath = 'spec.capabilities[0].params[0]';
  return [
    ...['a', '-.9_Z', 'a'.repeat(128)].map((name) => good(`the tool ${name.slice(0, 9)}`, withTool(name))),
    ...['', 'a:b', '*', 'a b', 'é'].map((name) => bad(`the tool "${name}"`, withTool(name), toolPath, tool)),
    bad('a tool of 129 characters', withTool('a'.repeat(129)), toolPath),
    bad('the reserved tool', withTool('multimodal_exchange'), toolPath, reserved),
    ...['a', '_', 'a.b-c_9', 'a'.repeat(64)].map((name) => good(`the parameter ${name.slice(0, 9)}`, withParam(name))),
    ...['', '9a', 'a:b', '__proto__', '.a'].map((name) =>
      bad(`the parameter "${name}"`, withParam(name), paramPath, param),
    ),
    bad('a parameter of 65 characters', withParam('a'.repeat(65)), paramPath),
  ];
}

function words(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${index}`);
}

/** 64 capabilities with 32 long entries in each of their lists: 400 KB. */
function fullLists(): object[] {
  const methods = ['ContextTool.RequestContext', 'ContextTool.InvokeTool', 'EventBus.Publish'];
  const patterns = words(32).map((word) => `${word}:${'a'.repeat(40)}:*:${'b'.repeat(30)}`);
  const lists = { contextKeys: patterns, topics: patterns, tools: words(32), params: words(32) };
  return words(64).map((name) => ({ name, methods, ...lists }));
}
