/** One statement of the configuration: its translated text, and what the database said about it. */
import { ServiceError } from '#lib/errors.ts';
import type { Problem, StatementConfig } from '../../config/runtime-config.ts';
import type { StatementNames } from '../database.ts';
import { takeColumnsProblem } from '../outbox-table.ts';
import { checkNames, isSqlProblem, readSqlText, type SqlProblem, type TranslatedSql } from '../sql-text.ts';
import type { Access, Description } from './messages.ts';
import { placeInFile, placeOfMistake } from './statement-place.ts';

export interface SqliteStatementOptions {
  readonly config: StatementConfig;
  readonly access: Access;
  readonly text: TranslatedSql | SqlProblem;
  readonly problems: readonly SqlProblem[];
  /** The rows of an outbox. */
  readonly isTake: boolean;
}

export class SqliteStatement {
  readonly config: StatementConfig;
  readonly access: Access;
  /** Of the text alone, without a database. */
  readonly textProblems: readonly Problem[];
  readonly #text: TranslatedSql | SqlProblem;
  readonly #isTake: boolean;
  #state: 'unchecked' | 'ready' | 'refused';

  constructor({ config, access, text, problems, isTake }: SqliteStatementOptions) {
    this.#isTake = isTake;
    this.config = config;
    this.access = access;
    this.#text = text;
    this.textProblems = problems.map((each) => ({ ...placeInFile(config.place, each), message: each.message }));
    this.#state = problems.length === 0 ? 'unchecked' : 'refused';
  }

  get sql(): string {
    return isSqlProblem(this.#text) ? '' : this.#text.text;
  }

  /** @throws ServiceError BACKEND_UNAVAILABLE until it was checked, BACKEND_REFUSED when the database refused it */
  namesOrThrow(): readonly string[] {
    if (this.#state === 'unchecked') {
      throw new ServiceError('BACKEND_UNAVAILABLE', 'the database has not been reached yet; try again');
    }
    if (this.#state === 'refused' || isSqlProblem(this.#text)) {
      throw new ServiceError(
        'BACKEND_REFUSED',
        "the database refused this statement when it was loaded; the server's log says why",
      );
    }
    return this.#text.names;
  }

  /** Takes what the database says of it. @returns what is wrong */
  judge(description: Description): Problem[] {
    const problems = this.#findProblems(description);
    this.#state = problems.length === 0 ? 'ready' : 'refused';
    return problems;
  }

  #findProblems(description: Description): Problem[] {
    const { place } = this.config;
    if ('refused' in description) {
      const at = isSqlProblem(this.#text) ? this.#text : placeOfMistake(this.#text, description.refused);
      return [{ ...placeInFile(place, at), message: `the database refused the statement: ${description.refused}` }];
    }
    const { columns } = description;
    if (this.#isTake) {
      const problem = takeColumnsProblem(columns);
      return problem === undefined ? [] : [{ ...place, message: problem }];
    }
    if (this.access === 'read' && columns.length === 0) {
      return [{ ...place, message: 'the statement gives no columns: a context needs one that reads, as SELECT does' }];
    }
    const double = columns.find((name, index) => columns.indexOf(name) !== index);
    if (double === undefined || this.config.result === 'Value') return [];
    return [{ ...place, message: `two columns are named "${double}": give one of them another name with AS` }];
  }
}

export interface StatementOptions {
  readonly access: Access;
  readonly names: StatementNames;
  /** Default false. */
  readonly isTake?: boolean;
}

export function createStatement(
  config: StatementConfig,
  { access, names, isTake = false }: StatementOptions,
): SqliteStatement {
  const text = readSqlText(config.sql);
  if (isSqlProblem(text)) return new SqliteStatement({ config, access, text, isTake, problems: [text] });
  const translated = text.toSqlite();
  const problems = [...(isSqlProblem(translated) ? [translated] : []), ...checkNames(text, names)];
  return new SqliteStatement({ config, access, text: translated, isTake, problems });
}
