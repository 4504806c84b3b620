/**
 * The format of a runtime configuration as JSON Schema (draft 2020-12): the one source for the check at load
 * (`check-shape.ts`) and for editors, which get it as docs/context-tool.schema.json.
 *
 * Closed everywhere except where a value is free JSON. `errorMessage` is a sentence for a value that does not fit; the
 * language server of VS Code shows the same one. What one value says about another is checked in code, not here.
 */

/** A schema or a part of one. */
export type FormatSchema = Readonly<Record<string, unknown>>;

/** Sections of later releases, so that a file written for one of them is told so. */
export const LATER_SECTIONS: readonly string[] = Object.freeze([
  'uploads',
  'telemetry',
  'sessions',
  'policies',
  'middleware',
  'audit',
]);

export const MAX_DECLARATIONS = 256;
export const MAX_DATABASES = 16;
export const MAX_OUTBOXES = 16;
export const MAX_OUTBOX_TOPICS = 32;
export const MAX_SQL_CHARACTERS = 65_536;

export const FORMAT_ID = 'https://mcp2.dev/schemas/context-tool.schema.json';

export function runtimeFormat(): FormatSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: FORMAT_ID,
    title: 'Runtime configuration of mcp2',
    ...closed('A server that is made of this file: its contexts and its tools.', {
      required: { server: SERVER },
      optional: {
        $schema: text('Where this schema is, for editors.', 2048),
        listen: pattern('host:port to listen on. Default: what the process is told.', '^\\S+:[0-9]{1,5}$', {
          errorMessage: 'write host:port, for example 127.0.0.1:50061, or "[::1]:50061" for IPv6',
        }),
        token: secret(
          'The token of this server itself, with which it publishes. Default: that of MCP2_TOKEN_FILE, or what is mounted.',
        ),
        eventBus: pattern(
          'host:port of the event bus. Default: what the process is told or finds.',
          '^\\S+:[0-9]{1,5}$',
          {
            errorMessage: 'write host:port, for example mcp2-event-bus.mcp2-system.svc:50052',
          },
        ),
        databases: {
          description: 'Databases that contexts and tools name.',
          type: 'object',
          maxProperties: MAX_DATABASES,
          propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,62}$' },
          errorMessage: 'a database has a name of a letter, then up to 62 of A-Z a-z 0-9 _ -',
          additionalProperties: DATABASE,
        },
        contexts: list('What agents read.', CONTEXT, MAX_DECLARATIONS),
        tools: list('What agents run.', TOOL, MAX_DECLARATIONS),
        events: list('Tables whose rows become events.', OUTBOX, MAX_OUTBOXES),
      },
    }),
  };
}

interface Members {
  readonly required?: Readonly<Record<string, FormatSchema>>;
  readonly optional?: Readonly<Record<string, FormatSchema>>;
  /** Exactly one of these stands there. */
  readonly oneOf?: Readonly<Record<string, FormatSchema>>;
}

function closed(description: string, { required = {}, optional = {}, oneOf = {} }: Members): FormatSchema {
  const alternatives = Object.keys(oneOf).map((name) => ({ required: [name] }));
  return {
    description,
    type: 'object',
    additionalProperties: false,
    properties: { ...required, ...optional, ...oneOf },
    ...(Object.keys(required).length > 0 ? { required: Object.keys(required) } : {}),
    ...(alternatives.length > 0 ? { oneOf: alternatives } : {}),
  };
}

function text(description: string, maxLength: number): FormatSchema {
  return { description, type: 'string', minLength: 1, maxLength };
}

function pattern(description: string, expression: string, more: FormatSchema): FormatSchema {
  return { description, type: 'string', pattern: expression, ...more };
}

function truth(description: string): FormatSchema {
  return { description, type: 'boolean' };
}

function oneWordOf(description: string, words: readonly string[]): FormatSchema {
  return { description, enum: words };
}

function list(description: string, items: FormatSchema, maxItems: number): FormatSchema {
  return { description, type: 'array', maxItems, items };
}

function wholeNumber(description: string, minimum: number, maximum: number): FormatSchema {
  return { description, type: 'integer', minimum, maximum };
}

function duration(description: string): FormatSchema {
  return pattern(description, '^[1-9][0-9]{0,7}(?:ms|s|m|h)$', {
    errorMessage: 'write a duration in ms, s, m or h, for example 250ms or 5s',
  });
}

function size(description: string): FormatSchema {
  return pattern(description, '^[1-9][0-9]{0,7}(?:Ki|Mi|Gi)$', {
    errorMessage: 'write a size in Ki, Mi or Gi, for example 64Ki or 1Mi',
  });
}

const SECRET_RULE = 'a secret never stands in the configuration: write {fromFile: PATH} or {fromEnv: NAME}';

const SECRET_MEMBERS: FormatSchema = {
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: {
    fromFile: text('A file that holds it and nothing else. A relative path counts from the folder of this file.', 4096),
    fromEnv: pattern('The environment variable that holds it.', '^[A-Za-z_][A-Za-z0-9_]{0,127}$', {
      errorMessage: 'write the name of an environment variable: letters, digits and _',
    }),
  },
};

function secret(description: string): FormatSchema {
  return { description, type: 'object', ...SECRET_MEMBERS, errorMessage: SECRET_RULE };
}

/** Judged by `compileSchema`: any of its drafts is one. */
function jsonSchema(description: string): FormatSchema {
  return { description, type: 'object' };
}

const SERVER = closed('Who it is.', {
  required: {
    name: pattern('The name under which it is found and named in tokens.', '^[A-Za-z][A-Za-z0-9_.-]{0,62}$', {
      errorMessage: 'write a letter, then up to 62 of A-Z a-z 0-9 _ . -',
    }),
    version: {
      ...text('Of the server, for people: 1.0.0.', 64),
      errorMessage: 'write a text, in quotes where it looks like a number: "1.0"',
    },
  },
});

const STATEMENT_TIMEOUT = duration('A statement that runs longer is ended. Default 5s, at most 10m.');

const MEMBER = closed('One PostgreSQL server, or a pool in front of it.', {
  required: { url: secret('postgres://user:password@host:port/database?sslmode=…, kept in a file or a variable.') },
});

const DATABASE = closed('A database.', {
  oneOf: {
    postgres: closed('PostgreSQL 15 or later.', {
      required: { primary: MEMBER },
      optional: {
        replicas: list('Streaming replicas; contexts read there.', MEMBER, 8),
        pool: closed('Connections.', {
          required: { max: wholeNumber('To each member, at most. Default 10.', 1, 100) },
        }),
        statementTimeout: STATEMENT_TIMEOUT,
        maxLag: duration('A replica further behind is not read from. Default 1s, at most 1h.'),
      },
    }),
    sqlite: closed('SQLite, inside this process.', {
      required: { file: text('Below the state folder in `mcp2 up`, elsewhere an absolute path.', 4096) },
      optional: {
        init: list('SQL files that make a new database, in this order and one transaction.', text('A path.', 4096), 64),
        statementTimeout: STATEMENT_TIMEOUT,
      },
    }),
  },
});

const SQL_SOURCE = {
  sql: text('One statement with ":name" for a key segment, a parameter or an argument.', MAX_SQL_CHARACTERS),
  sqlFile: text('A file with that statement, below the folder of this file.', 4096),
};

const RESULT_WORDS = ['Value', 'Row', 'Rows'];

const HEADERS: FormatSchema = {
  description: 'Request headers: a text with {name} where wanted, or a secret.',
  type: 'object',
  maxProperties: 32,
  propertyNames: { pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$" },
  errorMessage: 'write the name of a header, without placeholders: letters, digits and -',
  additionalProperties: {
    type: ['string', 'object'],
    maxLength: 4096,
    ...SECRET_MEMBERS,
    errorMessage: 'write a text, or {fromFile: PATH} or {fromEnv: NAME} for a secret',
  },
};

const HTTP_URL = text('http:// or https://, with {name} in path segments and query values.', 4096);
const HTTP_OPTIONS = {
  headers: HEADERS,
  timeout: duration('Of the whole call. Default 10s, at most 5m.'),
  maxBytes: size('Of the decoded answer. Default 1Mi, at most 4Mi.'),
};

const NO_PLACEHOLDERS = 'The same for every caller.';

const CONTEXT = closed('One key, or all keys of one form.', {
  required: { key: text('Segments joined by ":"; {name} stands for any: inventory:{sku}:stock_count.', 512) },
  optional: {
    description: text('What it is, for people and models.', 4096),
    parameters: jsonSchema('JSON Schema of its parameters, an object. Default: it takes none.'),
    cache: closed('How long an answer may be used again. Default: each call is answered anew.', {
      required: { ttl: duration('At most 24h.') },
      optional: {
        scope: oneWordOf('Private: per authority of the caller. Public: for all who may ask. Default Private.', [
          'Private',
          'Public',
        ]),
      },
    }),
  },
  oneOf: {
    query: closed('From a database, in a transaction that only reads.', {
      required: {
        database: text('A name from `databases`.', 63),
        result: oneWordOf('Value: one row, one column. Row: one row. Rows: at most 1,000.', RESULT_WORDS),
      },
      oneOf: SQL_SOURCE,
    }),
    http: closed('From an HTTP server, by GET.', { required: { url: HTTP_URL }, optional: HTTP_OPTIONS }),
    static: closed(NO_PLACEHOLDERS, {
      optional: {
        contentType: pattern('Media type. Default: by what it is.', '^[\\x21-\\x7e][\\x20-\\x7e]{0,126}$', {}),
      },
      oneOf: {
        text: { description: 'A text.', type: 'string' },
        json: { description: 'Any JSON value.' },
        base64: { description: 'Bytes.', type: 'string' },
        file: text('A file, below the folder of this file; at most 4 MiB.', 4096),
      },
    }),
  },
});

const MODULE = closed('A function of a JavaScript or TypeScript file, run in a process of its own.', {
  required: { file: text('Below the folder of this file.', 4096) },
  optional: {
    export: pattern('Which of its exports. Default "default".', '^[A-Za-z_$][A-Za-z0-9_$]{0,127}$', {
      errorMessage: 'write the name of an export of the module',
    }),
    timeout: duration('Of one run. Default 10s, at most 1h.'),
    memory: size('Of one process. Default 128Mi; 32Mi to 16Gi.'),
    processes: wholeNumber('At most. Default 2.', 1, 16),
    native: truth('It loads native addons; then it is not confined. Default false.'),
  },
});

const TOOL = closed('One function that agents call.', {
  required: {
    name: pattern('Its name.', '^[A-Za-z0-9_.-]{1,128}$', { errorMessage: 'write 1 to 128 of A-Z a-z 0-9 _ . -' }),
  },
  optional: {
    description: text('What it does, for people and models.', 4096),
    input: jsonSchema('JSON Schema of its arguments, an object. Default: any.'),
    output: jsonSchema('JSON Schema of its result.'),
    annotations: closed('Hints for callers.', {
      optional: {
        title: text('For people.', 128),
        readOnly: truth('It changes nothing. Default false.'),
        idempotent: truth('A second run with the same arguments changes nothing more. Default false.'),
        destructive: truth('It may destroy something. Default false.'),
      },
    }),
  },
  oneOf: {
    statement: closed('One statement in a transaction of its own.', {
      required: { database: text('A name from `databases`.', 63) },
      optional: {
        result: oneWordOf('As for a query. Default Rows.', RESULT_WORDS),
        isolation: oneWordOf('Of PostgreSQL; SQLite is always serializable. Default ReadCommitted.', [
          'ReadCommitted',
          'RepeatableRead',
          'Serializable',
        ]),
      },
      oneOf: SQL_SOURCE,
    }),
    http: closed('One request to an HTTP server.', {
      required: { method: oneWordOf('The method.', ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']), url: HTTP_URL },
      optional: {
        ...HTTP_OPTIONS,
        body: closed('The body.', {
          required: { json: { description: 'Any JSON value; a text that is "{name}" becomes that argument.' } },
        }),
      },
    }),
    module: MODULE,
  },
});

const OUTBOX = closed('A table whose rows are published in their order, and taken out once the event bus has them.', {
  required: {
    database: text('A name from `databases`.', 63),
    topics: {
      ...list(
        'Patterns of the topics that rows may name: inventory:*:low_stock. The token needs event:publish: for each.',
        text('A pattern: "*" is one segment, at the end one or more.', 512),
        MAX_OUTBOX_TOPICS,
      ),
      minItems: 1,
    },
    take: text(
      'A SELECT of the next rows in their order, with the columns id, topic, payload and content_type, perhaps traceparent, and with :limit.',
      MAX_SQL_CHARACTERS,
    ),
    done: text('A statement that takes the row with :id out, run once the event is published.', MAX_SQL_CHARACTERS),
  },
  optional: {
    every: duration('How often is looked for rows. Default 1s; 50ms to 1h.'),
    failed: text(
      'A statement that sets the row with :id aside for :reason when it can never be published. Default: the outbox stops there.',
      MAX_SQL_CHARACTERS,
    ),
  },
});
