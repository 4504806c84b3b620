// biome-ignore-all lint/suspicious/noTemplateCurlyInString: dollars are SQL here
/**
 * What is a placeholder and what is not: texts that hold for the lexer (sql-text.test.ts) and, where they have an `answer`,
 * for both engines, which must read them as it does.
 */

export interface PlaceholderText {
  readonly title: string;
  readonly sql: string;
  readonly names: readonly string[];
  readonly postgres: string;
  /** Part of the sentence, where SQLite cannot have it. */
  readonly sqlite: { readonly text: string } | { readonly refused: string };
  /** Bound when it runs; all are texts. */
  readonly values?: Readonly<Record<string, string>>;
  /** The lone value of the statement, as text. Absent: no engine runs it (a table or function of the reader's own). */
  readonly answer?: string;
  /** Where the answer is of one engine alone. */
  readonly only?: 'postgres' | 'sqlite';
}

/** The same on both engines but for the mark: "§1" is $1 and ?1. */
function both(
  title: string,
  sql: string,
  expected: { text: string; names: string[]; x?: string; answer?: string },
): PlaceholderText {
  const { text, names, x = 'x', answer } = expected;
  const run = answer === undefined ? {} : { values: Object.fromEntries(names.map((name) => [name, x])), answer };
  const [postgres, sqlite] = [text.replaceAll('§', '$'), { text: text.replaceAll('§', '?') }];
  return { title, sql, names, postgres, sqlite, ...run };
}

interface Only {
  readonly text: string;
  readonly names: readonly string[];
  readonly refused: string;
  readonly answer?: string;
}

function postgresOnly(title: string, sql: string, { text, names, refused, answer }: Only): PlaceholderText {
  const run = answer === undefined ? {} : { values: Object.fromEntries(names.map((name) => [name, 'x'])), answer };
  return { title, sql, names, postgres: text.replaceAll('§', '$'), sqlite: { refused }, only: 'postgres', ...run };
}

const CAST = 'CAST(:a AS text)';
const CAST_1 = 'CAST(§1 AS text)';

export const PLACEHOLDER_TEXTS: readonly PlaceholderText[] = [
  both('a statement without placeholders', "SELECT 'x'", { text: "SELECT 'x'", names: [], answer: 'x' }),
  both('a placeholder', `SELECT ${CAST}`, { text: `SELECT ${CAST_1}`, names: ['a'], answer: 'x' }),
  both('a name that comes twice is one value', `SELECT ${CAST} || ${CAST}`, {
    text: `SELECT ${CAST_1} || ${CAST_1}`,
    names: ['a'],
    answer: 'xx',
  }),
  both('names are numbered in order of first use', `SELECT CAST(:b AS text) || ${CAST} || CAST(:b AS text)`, {
    text: 'SELECT CAST(§1 AS text) || CAST(§2 AS text) || CAST(§1 AS text)',
    names: ['b', 'a'],
    answer: 'xxx',
  }),
  both('more than nine names', `SELECT ${[...'abcdefghijk'].map((name) => `CAST(:${name} AS text)`).join(' || ')}`, {
    text: `SELECT ${[...'abcdefghijk'].map((_, at) => `CAST(§${at + 1} AS text)`).join(' || ')}`,
    names: [...'abcdefghijk'],
    answer: 'x'.repeat(11),
  }),
  both('a name with digits and underscores', 'SELECT CAST(:_a_1 AS text)', {
    text: `SELECT ${CAST_1}`,
    names: ['_a_1'],
    answer: 'x',
  }),
  both('capitals make another name', 'SELECT CAST(:A AS text) || CAST(:a AS text)', {
    text: 'SELECT CAST(§1 AS text) || CAST(§2 AS text)',
    names: ['A', 'a'],
    answer: 'xx',
  }),
  both('a name that objects have already', 'SELECT CAST(:constructor AS text) || CAST(:toString AS text)', {
    text: 'SELECT CAST(§1 AS text) || CAST(§2 AS text)',
    names: ['constructor', 'toString'],
    answer: 'xx',
  }),
  both('a keyword as a name', 'SELECT CAST(:select AS text)', {
    text: `SELECT ${CAST_1}`,
    names: ['select'],
    answer: 'x',
  }),
  both('none in a text', "SELECT ':a' || 'it''s :a'", {
    text: "SELECT ':a' || 'it''s :a'",
    names: [],
    answer: ":ait's :a",
  }),
  both('a text that is one quote', "SELECT '''' || ':a' || ''", {
    text: "SELECT '''' || ':a' || ''",
    names: [],
    answer: "':a",
  }),
  both('a backslash does not escape in a text', `SELECT '\\' || ${CAST}`, {
    text: `SELECT '\\' || ${CAST_1}`,
    names: ['a'],
    answer: '\\x',
  }),
  both('one beside a text', `SELECT 'a:'||${CAST}||':a'`, {
    text: `SELECT 'a:'||${CAST_1}||':a'`,
    names: ['a'],
    answer: 'a:x:a',
  }),
  both('a text over two lines', `SELECT ':a\n:b' || ${CAST}`, {
    text: `SELECT ':a\n:b' || ${CAST_1}`,
    names: ['a'],
    answer: ':a\n:bx',
  }),
  both('a mark of a comment in a text is none', `SELECT '-- /*' || ${CAST} || '*/'`, {
    text: `SELECT '-- /*' || ${CAST_1} || '*/'`,
    names: ['a'],
    answer: '-- /*x*/',
  }),
  both('none in a quoted name', `SELECT ":a" FROM (SELECT ${CAST} AS ":a") AS t`, {
    text: `SELECT ":a" FROM (SELECT ${CAST_1} AS ":a") AS t`,
    names: ['a'],
    answer: 'x',
  }),
  both('a doubled quote in a quoted name', `SELECT "a"":b" FROM (SELECT ${CAST} AS "a"":b") AS t`, {
    text: `SELECT "a"":b" FROM (SELECT ${CAST_1} AS "a"":b") AS t`,
    names: ['a'],
    answer: 'x',
  }),
  both('an apostrophe in a quoted name', `SELECT "it's" FROM (SELECT ${CAST} AS "it's") AS t`, {
    text: `SELECT "it's" FROM (SELECT ${CAST_1} AS "it's") AS t`,
    names: ['a'],
    answer: 'x',
  }),
  both('none in a line comment', `SELECT -- :b it's\n${CAST}`, {
    text: `SELECT -- :b it's\n${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('a line comment at the end', `SELECT ${CAST} -- :b`, {
    text: `SELECT ${CAST_1} -- :b`,
    names: ['a'],
    answer: 'x',
  }),
  both('a line comment that ends as on Windows', `SELECT -- :b\r\n${CAST}`, {
    text: `SELECT -- :b\r\n${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('none in a block comment', `SELECT /* :b it's "$$ */ ${CAST}`, {
    text: `SELECT /* :b it's "$$ */ ${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('a block comment over lines', `SELECT /*\n:b\n*/${CAST}`, {
    text: `SELECT /*\n:b\n*/${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('a block comment of stars', `SELECT /***:b***/${CAST}/**/`, {
    text: `SELECT /***:b***/${CAST_1}/**/`,
    names: ['a'],
    answer: 'x',
  }),
  both('"/*/" does not close itself', `SELECT /*/:b*/${CAST}`, {
    text: `SELECT /*/:b*/${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('a block comment in a line comment is none', `SELECT -- /*\n${CAST}`, {
    text: `SELECT -- /*\n${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('a line comment in a block comment is none', `SELECT /* -- */ ${CAST}`, {
    text: `SELECT /* -- */ ${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('an operator before a comment', `SELECT ${CAST} ||--:b\n'y'`, {
    text: `SELECT ${CAST_1} ||--:b\n'y'`,
    names: ['a'],
    answer: 'xy',
  }),
  both('two minus signs begin a comment anywhere', "SELECT 'x'--:b", {
    text: "SELECT 'x'--:b",
    names: [],
    answer: 'x',
  }),
  both('division and multiplication are no comment', "SELECT CASE WHEN 8 / 2 * 1 = 4 THEN 'x' END", {
    text: "SELECT CASE WHEN 8 / 2 * 1 = 4 THEN 'x' END",
    names: [],
    answer: 'x',
  }),
  both('one behind a keyword without a space', "SELECT CASE WHEN 1=1 THEN:a ELSE '' END", {
    text: "SELECT CASE WHEN 1=1 THEN §1 ELSE '' END",
    names: ['a'],
    answer: 'x',
  }),
  both('one between operators', `SELECT 'l'||:a||'r'`, { text: `SELECT 'l'||§1||'r'`, names: ['a'], answer: 'lxr' }),
  both('one behind a comparison', `SELECT 'y' WHERE 'x'=:a`, {
    text: `SELECT 'y' WHERE 'x'=§1`,
    names: ['a'],
    answer: 'y',
  }),
  both('several in a list', `SELECT 'y' WHERE 'x' IN (:a,:b , :c)`, {
    text: `SELECT 'y' WHERE 'x' IN (§1,§2 , §3)`,
    names: ['a', 'b', 'c'],
    answer: 'y',
  }),
  both('one before a parenthesis that closes', `SELECT lower(:a)`, {
    text: 'SELECT lower(§1)',
    names: ['a'],
    answer: 'x',
  }),
  both('a semicolon at the end is taken off', `SELECT ${CAST};`, {
    text: `SELECT ${CAST_1}`,
    names: ['a'],
    answer: 'x',
  }),
  both('also before spaces and a comment', `SELECT ${CAST} ;\n -- :b\n /* ; */ `, {
    text: `SELECT ${CAST_1} \n -- :b\n /* ; */ `,
    names: ['a'],
    answer: 'x',
  }),
  both('a semicolon in a text or comment is none', `SELECT ';' || ${CAST} /* ; */ -- ;`, {
    text: `SELECT ';' || ${CAST_1} /* ; */ -- ;`,
    names: ['a'],
    answer: ';x',
  }),
  both('letters of other alphabets', `SELECT 'Grüße 😀 :b' || ${CAST}`, {
    text: `SELECT 'Grüße 😀 :b' || ${CAST_1}`,
    names: ['a'],
    answer: 'Grüße 😀 :bx',
  }),
  both('a name of other letters', `SELECT größe FROM (SELECT ${CAST} AS größe) AS t`, {
    text: `SELECT größe FROM (SELECT ${CAST_1} AS größe) AS t`,
    names: ['a'],
    answer: 'x',
  }),
  both('a dollar inside of a name', `SELECT a$1 FROM (SELECT ${CAST} AS a$1) AS t`, {
    text: `SELECT a$1 FROM (SELECT ${CAST_1} AS a$1) AS t`,
    names: ['a'],
    answer: 'x',
  }),
  both('dollars at the end of a name begin no text', `SELECT a$$ FROM (SELECT ${CAST} AS a$$) AS t`, {
    text: `SELECT a$$ FROM (SELECT ${CAST_1} AS a$$) AS t`,
    names: ['a'],
    answer: 'x',
  }),
  both('a name that ends in e begins no text with escapes', `SELECT '' || tote FROM (SELECT '\\' || :a AS tote) AS t`, {
    text: `SELECT '' || tote FROM (SELECT '\\' || §1 AS tote) AS t`,
    names: ['a'],
    answer: '\\x',
  }),
  both('a number before a comma and a keyword', "SELECT CASE WHEN 1.5e0 IN (1.5,2) THEN :a ELSE '' END", {
    text: "SELECT CASE WHEN 1.5e0 IN (1.5,2) THEN §1 ELSE '' END",
    names: ['a'],
    answer: 'x',
  }),
  both('the arrows of json', `SELECT '{"a":"x"}' ->> :a FROM t`, {
    text: `SELECT '{"a":"x"}' ->> §1 FROM t`,
    names: ['a'],
  }),
  both('tabs and line feeds', `\n\tSELECT\t${CAST}\n`, { text: `\n\tSELECT\t${CAST_1}\n`, names: ['a'], answer: 'x' }),
  both('a hexadecimal constant', `SELECT CASE WHEN X'3a61' = X'3A61' THEN ${CAST} END`, {
    text: `SELECT CASE WHEN X'3a61' = X'3A61' THEN ${CAST_1} END`,
    names: ['a'],
    answer: 'x',
  }),
  both('an update that returns', 'UPDATE t SET n = n - :a WHERE id = :id RETURNING n', {
    text: 'UPDATE t SET n = n - §1 WHERE id = §2 RETURNING n',
    names: ['a', 'id'],
  }),
  postgresOnly('a cast', 'SELECT :a::text', { text: 'SELECT §1::text', names: ['a'], refused: 'CAST', answer: 'x' }),
  postgresOnly('a cast of a text', "SELECT ':b'::text || CAST(:a AS text)::varchar::text", {
    text: "SELECT ':b'::text || CAST(§1 AS text)::varchar::text",
    names: ['a'],
    refused: 'CAST',
    answer: ':bx',
  }),
  postgresOnly('a cast with spaces', 'SELECT :a :: text', {
    text: 'SELECT §1 :: text',
    names: ['a'],
    refused: 'CAST',
    answer: 'x',
  }),
  postgresOnly('a text with escapes', `SELECT E'\\':b\\\\' || ${CAST}`, {
    text: `SELECT E'\\':b\\\\' || ${CAST_1}`,
    names: ['a'],
    refused: "E'…'",
    answer: "':b\\x",
  }),
  postgresOnly('a text with escapes, in a small letter and with a doubled quote', `SELECT e''':b\\n' || ${CAST}`, {
    text: `SELECT e''':b\\n' || ${CAST_1}`,
    names: ['a'],
    refused: "E'…'",
    answer: "':b\nx",
  }),
  postgresOnly('a text between dollars', `SELECT $$it's :b "$$ || ${CAST}`, {
    text: `SELECT $$it's :b "$$ || ${CAST_1}`,
    names: ['a'],
    refused: '$…$',
    answer: `it's :b "x`,
  }),
  postgresOnly('a text between tags', `SELECT $t$ $$ :b $u$ $t $t$ || ${CAST}`, {
    text: `SELECT $t$ $$ :b $u$ $t $t$ || ${CAST_1}`,
    names: ['a'],
    refused: '$…$',
    answer: ' $$ :b $u$ $t x',
  }),
  postgresOnly('a tag in other letters', `SELECT $ß1$:b$ß1$ || ${CAST}`, {
    text: `SELECT $ß1$:b$ß1$ || ${CAST_1}`,
    names: ['a'],
    refused: '$…$',
    answer: ':bx',
  }),
  postgresOnly('a text of code points', `SELECT U&'\\003a:b\\0027' || ${CAST} || '::'::text`, {
    text: `SELECT U&'\\003a:b\\0027' || ${CAST_1} || '::'::text`,
    names: ['a'],
    refused: 'CAST',
    answer: "::b'x::",
  }),
  postgresOnly('a constant of bits', `SELECT CAST(B'101'::text AS text) || ${CAST}`, {
    text: `SELECT CAST(B'101'::text AS text) || ${CAST_1}`,
    names: ['a'],
    refused: 'CAST',
    answer: '101x',
  }),
  postgresOnly(
    'a slice of numbers stays',
    "SELECT array_to_string((ARRAY['p','q','r'])[1:2], '') || CAST(:a AS text)",
    {
      text: "SELECT array_to_string((ARRAY['p','q','r'])[1:2], '') || CAST(§1 AS text)",
      names: ['a'],
      refused: 'arrays',
      answer: 'pqx',
    },
  ),
  postgresOnly('a slice with spaces stays', "SELECT (ARRAY['p','q'])[lo : hi][1] FROM t", {
    text: "SELECT (ARRAY['p','q'])[lo : hi][1] FROM t",
    names: [],
    refused: 'arrays',
  }),
  postgresOnly('a slice with parentheses stays', 'SELECT p[(lo):(hi)] FROM t', {
    text: 'SELECT p[(lo):(hi)] FROM t',
    names: [],
    refused: 'arrays',
  }),
  postgresOnly('a slice with a name is a placeholder', 'SELECT p[lo:hi] FROM t', {
    text: 'SELECT p[lo §1] FROM t',
    names: ['hi'],
    refused: 'arrays',
  }),
  postgresOnly('an index', "SELECT (ARRAY['p',:a])[2]", {
    text: "SELECT (ARRAY['p',§1])[2]",
    names: ['a'],
    refused: 'arrays',
    answer: 'x',
  }),
  postgresOnly('a named argument', 'SELECT make_interval(days := 1)::text', {
    text: 'SELECT make_interval(days := 1)::text',
    names: [],
    refused: 'colon',
    answer: '1 day',
  }),
  postgresOnly('operators of json', `SELECT '{"a":{"b":"y"}}'::jsonb #>> '{a,b}' || ${CAST}`, {
    text: `SELECT '{"a":{"b":"y"}}'::jsonb #>> '{a,b}' || ${CAST_1}`,
    names: ['a'],
    refused: 'CAST',
  }),
  postgresOnly('"contains" of json', `SELECT 'y' WHERE '{"a":1}'::jsonb @> '{"a":1}' AND '{}'::jsonb <@ '{"a":1}'`, {
    text: `SELECT 'y' WHERE '{"a":1}'::jsonb @> '{"a":1}' AND '{}'::jsonb <@ '{"a":1}'`,
    names: [],
    refused: 'CAST',
    answer: 'y',
  }),
];
