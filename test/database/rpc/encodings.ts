/** Bytes that are no text or no JSON where a text or JSON is expected, and those that only look odd. */

interface Bytes {
  readonly title: string;
  readonly bytes: Buffer;
}

/** Not UTF-8, or not what a database keeps. */
export const BROKEN_TEXTS: readonly Bytes[] = [
  { title: 'a byte that UTF-8 does not have', bytes: Buffer.from([0x61, 0xff, 0x27]) },
  { title: 'the end of a character without its begin', bytes: Buffer.from([0x80]) },
  { title: 'half of a character before a quote', bytes: Buffer.from([0xe2, 0x82, 0x27]) },
  { title: 'a quote in two bytes', bytes: Buffer.from([0xc0, 0xa7]) },
  { title: 'a quote in three bytes', bytes: Buffer.from([0xe0, 0x80, 0xa7]) },
  { title: 'a NUL in two bytes', bytes: Buffer.from([0x61, 0xc0, 0x80]) },
  { title: 'half of a surrogate pair', bytes: Buffer.from([0xed, 0xa0, 0xbd]) },
  { title: 'a surrogate pair in six bytes', bytes: Buffer.from([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]) },
  { title: 'a character beyond Unicode', bytes: Buffer.from([0xf4, 0x90, 0x80, 0x80]) },
  { title: 'UTF-16', bytes: Buffer.from("\ufeff' OR 1=1 --", 'utf16le') },
  { title: 'a quote of GBK behind its first byte', bytes: Buffer.from([0xbf, 0x27, 0x20, 0x4f, 0x52]) },
  { title: 'a quote of Shift-JIS', bytes: Buffer.from([0x95, 0x5c, 0x27]) },
  { title: 'a NUL', bytes: Buffer.from("a\0'; DELETE FROM stock; --") },
];

/** Texts that look odd and are whole. */
export const WHOLE_TEXTS: readonly Bytes[] = [
  { title: 'a byte order mark before a quote', bytes: Buffer.from("\ufeff' OR 1=1 --") },
  { title: 'a character that ends in the byte of a quote elsewhere', bytes: Buffer.from("\u0127' OR 1=1") },
  { title: 'a character that is no letter of any alphabet', bytes: Buffer.from("\uffff\u{10ffff}'") },
  { title: 'a quote with a letter of two code points', bytes: Buffer.from("'e\u0301'") },
];

/** Where JSON is expected. */
export const BROKEN_JSON: readonly Bytes[] = [
  { title: 'no JSON', bytes: Buffer.from("' OR 1=1 --") },
  { title: 'a text that is not closed', bytes: Buffer.from('"\' OR 1=1') },
  { title: 'two values', bytes: Buffer.from('"a" "b"') },
  { title: 'a byte order mark', bytes: Buffer.from('\ufeff"a"') },
  { title: 'an escape of half a surrogate pair', bytes: Buffer.from('"\\ud83d\' OR 1=1"') },
  { title: 'an escape of NUL', bytes: Buffer.from('"a\\u0000\' OR 1=1"') },
  { title: 'a line break inside of a text', bytes: Buffer.from('"a\n\' OR 1=1"') },
  { title: 'a byte that UTF-8 does not have', bytes: Buffer.from([0x22, 0xff, 0x22]) },
  { title: 'single quotes', bytes: Buffer.from("'a'") },
  { title: 'a comment', bytes: Buffer.from('"a" /* x */') },
  { title: 'a number', bytes: Buffer.from('1') },
  { title: 'a number that no type holds', bytes: Buffer.from('1e999') },
  { title: 'a truth', bytes: Buffer.from('true') },
  { title: 'null', bytes: Buffer.from('null') },
  { title: 'a list', bytes: Buffer.from('["\' OR 1=1"]') },
  { title: 'an object', bytes: Buffer.from('{"\' OR 1=1": 1}') },
  { title: 'an object that says that it is a text', bytes: Buffer.from('{"toString": "\' OR 1=1", "length": 1}') },
];
