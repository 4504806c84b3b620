/**
 * What a word without quotes means, as kubectl reads it: YAML 1.1 as go-yaml v2 has it (sigs.k8s.io/yaml), where `yes`
 * and `on` are true, 010 is eight and 1_000 a thousand. A reader of YAML 1.2 would take them for text and for ten, and a
 * file that is valid here would be refused, or mean something else, in a cluster.
 *
 * Times are text for it, and so is 12:30: it has no base 60.
 */
import type { ScalarTag, Tags } from 'yaml';

/** For the option `customTags`: instead of the plain scalars of YAML 1.2; maps, lists and text stay. */
export function kubectlScalars(tags: Tags): Tags {
  const kept = tags.filter((tag) => typeof tag === 'object' && KEPT.includes(tag.tag));
  return [...kept, NOTHING, BOOLEAN, INTEGER, FLOAT];
}

const KEPT: readonly string[] = ['tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq', 'tag:yaml.org,2002:str'];
const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;

const NOTHING: ScalarTag = {
  tag: 'tag:yaml.org,2002:null',
  default: true,
  test: /^(?:~|null|Null|NULL)?$/,
  resolve: () => null,
};

const BOOLEAN: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/,
  resolve: (text) => TRUE.test(text),
};

/** Go's strconv.ParseInt with base 0, after every "_" was taken out. */
const INTEGER: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?[0-9](?=[0-9a-fA-FxXoObB_]*$)_*(?:[xX][0-9a-fA-F_]*[0-9a-fA-F]_*|[oO][0-7_]*[0-7]_*|[bB][01_]*[01]_*|[0-9_]*)$/,
  resolve: (text) => integer(text.replaceAll('_', '')) ?? text,
};

const FLOAT: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^(?:[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9][0-9_]*)?|\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF))$/,
  resolve: float,
};

/** Undefined where the digits do not fit the base: 0x without digits, 08. */
function integer(text: string): number | undefined {
  const [, sign = '', prefix = '', digits = ''] = /^([-+]?)(0[xXoObB]|0(?=[0-9]))?([0-9a-fA-F]+)$/.exec(text) ?? [];
  const base = BASES[prefix.toLowerCase()] ?? 10;
  const allowed = DIGITS[base];
  // With a leading zero and a digit above 7 it is no octal number: go-yaml goes on and reads a decimal fraction, 08 = 8.
  if (prefix === '0' && /[89]/.test(digits)) return Number(`${sign}${digits}`);
  if (!allowed?.test(digits)) return undefined;
  const value = Number.parseInt(digits, base);
  return sign === '-' ? -value : value;
}

const BASES: Readonly<Record<string, number>> = Object.freeze({ '0x': 16, '0o': 8, '0b': 2, '0': 8 });
const DIGITS: Readonly<Record<number, RegExp>> = Object.freeze({
  2: /^[01]+$/,
  8: /^[0-7]+$/,
  10: /^[0-9]+$/,
  16: /^[0-9a-fA-F]+$/,
});

function float(text: string): number {
  if (/nan$/i.test(text)) return Number.NaN;
  if (/inf$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text.replaceAll('_', ''));
}
