/** One statement of the configuration: its text for PostgreSQL, and what the database has said of it so far. */
import { ServiceError } from '#lib/errors.ts';
import type { Place, Problem, StatementConfig } from '../../config/runtime-config.ts';
import type { StatementNames } from '../database.ts';
import { checkNames, isSqlProblem, readSqlText, type SqlPlace, type TranslatedSql } from '../sql-text.ts';
import { parameterText } from './parameter.ts';
import type { ArrayElements } from './result.ts';

/** "unchecked": the database has not answered yet. */
export type StatementState =
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'checked'; readonly elements: ArrayElements }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** "take" and "settle": of an outbox. */
export type StatementKind = 'context' | 'tool' | 'take' | 'settle';

export class Statement {
  readonly config: StatementConfig;
  readonly kind: StatementKind;
  /** Undefined when the lexer refused it. */
  readonly sql: TranslatedSql | undefined;
  state: StatementState;

  constructor(config: StatementConfig, { kind, names }: { kind: StatementKind; names: StatementNames }) {
    const text = readSqlText(config.sql);
    const problems = isSqlProblem(text) ? [text] : checkNames(text, names);
    this.config = config;
    this.kind = kind;
    this.sql = isSqlProblem(text) || problems.length > 0 ? undefined : text.toPostgres();
    const refused = problems.map((problem) => this.problemAt(problem, problem.message));
    this.state = refused.length > 0 ? { kind: 'refused', problems: refused } : { kind: 'unchecked' };
  }

  problemAt(at: SqlPlace, message: string): Problem {
    return { ...placeInSql(this.config.place, at), message };
  }

  /** @throws ServiceError BACKEND_UNAVAILABLE until it was checked, BACKEND_REFUSED when the database refused it */
  ready(): { readonly sql: TranslatedSql; readonly elements: ArrayElements } {
    const { sql, state } = this;
    if (state.kind === 'checked' && sql !== undefined) return { sql, elements: state.elements };
    if (state.kind === 'refused') {
      throw new ServiceError('BACKEND_REFUSED', 'the database refused the statement behind this when it was loaded');
    }
    const message = 'the database did not answer yet, so the statement behind this could not be checked; try again';
    throw new ServiceError('BACKEND_UNAVAILABLE', message);
  }
}

/** In the order of the statement's names; an absent one is NULL. @throws ServiceError ARGUMENT_INVALID */
export function valuesOf(
  sql: TranslatedSql,
  ...sources: readonly Readonly<Record<string, unknown>>[]
): (string | null)[] {
  return sql.names.map((name) => {
    const source = sources.find((candidate) => Object.hasOwn(candidate, name));
    return parameterText(name, source?.[name]);
  });
}

/** Lines of a text in YAML begin where its first line does. */
function placeInSql(place: Place, { line, column }: SqlPlace): Place {
  return { ...place, line: place.line + line - 1, column: place.column + column - 1 };
}
