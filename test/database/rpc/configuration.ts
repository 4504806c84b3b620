/** The configuration that each engine serves: every form of answer, and a way into every failure. */

export interface EngineWords {
  /** The section `databases`: "stock", "patient" (the same data, a statement may take a minute) and "paced" (see `pay`). */
  readonly databases: string;
  /** An expression that takes longer than any test. */
  readonly endless: string;
  /** An expression: a text of :size characters. */
  readonly longText: string;
}

const ONLY = 'additionalProperties: false';

export function configurationOf(words: EngineWords): string {
  return `server: {name: Stock, version: 1.2.0}
databases:
${words.databases}
contexts:${contexts(words)}
tools:${tools(words)}`;
}

const contexts = ({ endless, longText }: EngineWords) => `
  - key: stock:{sku}:count
    description: Pieces of one article.
    parameters:
      type: object
      properties: {warehouse: {type: string}, least: {type: integer, minimum: 0, default: 0}}
      ${ONLY}
    query:
      database: stock
      result: Value
      sql: |
        SELECT quantity FROM stock WHERE sku = :sku AND quantity >= CAST(:least AS integer)
          AND (CAST(:warehouse AS text) IS NULL OR warehouse = :warehouse)
  - key: stock:{sku}:row
    query: {database: stock, result: Row, sql: "SELECT sku, warehouse, quantity FROM stock WHERE sku = :sku"}
  - key: stock:{sku}:kept
    query: {database: stock, result: Value, sql: "SELECT quantity FROM stock WHERE sku = :sku"}
    cache: {ttl: 1m, scope: Private}
  - key: warehouse:{warehouse}:stock
    query:
      database: stock
      result: Rows
      sql: SELECT sku, quantity FROM stock WHERE warehouse = :warehouse ORDER BY sku
  - key: warehouse:{warehouse}:one
    query: {database: stock, result: Value, sql: "SELECT quantity FROM stock WHERE warehouse = :warehouse"}
  - key: numbers:first
    parameters: {type: object, properties: {most: {type: integer}}, ${ONLY}}
    query: {database: stock, result: Rows, sql: "SELECT n FROM numbers WHERE n <= CAST(:most AS integer) ORDER BY n"}
  - key: long:text
    parameters: {type: object, properties: {size: {type: integer}}, ${ONLY}}
    query: {database: stock, result: Value, sql: "SELECT ${longText}"}
  - key: slow:answer
    query: {database: stock, result: Value, sql: "SELECT ${endless}"}
  - key: slow:patient
    query: {database: patient, result: Value, sql: "SELECT ${endless} AS patient"}
  - key: echo:{segment}
    parameters:
      type: object
      properties: {text: {type: string}, number: {type: integer}, list: {type: array}, object: {type: object}, any: {}}
      ${ONLY}
    query:
      database: stock
      result: Row
      sql: |
        SELECT CAST(:segment AS text) AS segment, CAST(:text AS text) AS text, CAST(:number AS integer) AS number,
          CAST(:list AS text) AS list, CAST(:object AS text) AS object, CAST(:any AS text) AS anything`;

const tools = ({ endless, longText }: EngineWords) => `
  - name: take
    description: Takes pieces of one article.
    input:
      type: object
      properties: {sku: {type: string}, pieces: {type: integer, default: 1}}
      required: [sku]
      ${ONLY}
    annotations: {idempotent: true}
    statement:
      database: stock
      result: Row
      sql: |
        UPDATE stock SET quantity = quantity - CAST(:pieces AS integer) WHERE sku = :sku
        RETURNING sku, quantity
  - name: order
    input: {type: object, properties: {id: {type: string}}, required: [id]}
    annotations: {idempotent: true}
    statement:
      database: stock
      result: Row
      isolation: Serializable
      sql: |
        INSERT INTO orders VALUES (:id, 1) ON CONFLICT (id) DO UPDATE SET quantity = orders.quantity + 1
        RETURNING quantity
  - name: list
    statement: {database: stock, sql: "SELECT sku FROM stock WHERE warehouse = 'NY' ORDER BY sku"}
  - name: touch
    statement: {database: stock, sql: "UPDATE stock SET quantity = quantity WHERE warehouse = 'NY'"}
  - name: note
    input: {type: object, properties: {note: {type: string}}, required: [note], ${ONLY}}
    statement: {database: stock, result: Row, sql: "INSERT INTO notes VALUES (:note) RETURNING note"}
  - name: note_anything
    input: {type: object, properties: {note: {}}, required: [note]}
    statement: {database: stock, result: Row, sql: "INSERT INTO notes VALUES (CAST(:note AS text)) RETURNING note"}
  - name: long_text
    input: {type: object, properties: {size: {type: integer}}, ${ONLY}}
    statement: {database: stock, result: Row, sql: "SELECT ${longText} AS long"}
  - name: note_slowly
    statement: {database: stock, sql: "INSERT INTO late SELECT CAST((${endless}) AS text)"}
  - name: note_patiently
    statement: {database: patient, sql: "INSERT INTO late SELECT CAST((${endless}) AS text) AS patient"}
  - name: pay
    description: Its commit takes as long as the test likes.
    input: {type: object, properties: {id: {type: string}}, required: [id]}
    statement: {database: paced, result: Row, sql: "INSERT INTO payments VALUES (:id) RETURNING id"}
`;

/** Beside those of ../contract/tables.ts. */
export const MORE_TABLES: readonly string[] = [
  'CREATE TABLE notes (note text)',
  'CREATE TABLE late (what text)',
  'CREATE TABLE secrets (secret text)',
  "INSERT INTO secrets VALUES ('the secret of the database')",
];
