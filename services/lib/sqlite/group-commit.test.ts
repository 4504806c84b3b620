import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { commitGroup, type GroupDatabase } from './group-commit.ts';

class InMemory implements GroupDatabase {
  readonly sqlite = new DatabaseSync(':memory:');

  constructor() {
    this.sqlite.exec('CREATE TABLE kept (name TEXT)');
  }

  get isTransaction(): boolean {
    return this.sqlite.isTransaction;
  }

  get kept(): unknown[] {
    return this.sqlite
      .prepare('SELECT name FROM kept')
      .all()
      .map(({ name }) => name);
  }

  begin = (): void => this.sqlite.exec('BEGIN');
  savepoint = (): void => this.sqlite.exec('SAVEPOINT one');
  releaseSavepoint = (): void => this.sqlite.exec('RELEASE one');
  rollbackToSavepoint = (): void => this.sqlite.exec('ROLLBACK TO one; RELEASE one');
  commit = (): void => this.sqlite.exec('COMMIT');
  rollback = (): void => {
    if (this.isTransaction) this.sqlite.exec('ROLLBACK');
  };

  keep(name: string): string {
    this.sqlite.prepare('INSERT INTO kept VALUES (?)').run(name);
    return name;
  }
}

const finish = () => undefined;

test('all that waits is one transaction, and each hears of its own outcome', () => {
  const database = new InMemory();
  const outcomes = commitGroup(database, [() => database.keep('a'), () => database.keep('b')], finish);
  expect(outcomes).toEqual([{ value: 'a' }, { value: 'b' }]);
  expect(database.kept).toEqual(['a', 'b']);
});

test('one that throws takes what it wrote with it, and nothing else', () => {
  const database = new InMemory();
  const error = new Error('no');
  const throws = () => {
    database.keep('half');
    throw error;
  };
  const outcomes = commitGroup(database, [() => database.keep('a'), throws, () => database.keep('b')], finish);
  expect(outcomes).toEqual([{ value: 'a' }, { error }, { value: 'b' }]);
  expect(database.kept).toEqual(['a', 'b']);
});

test('when the whole transaction has ended by itself, all of the group fail and nothing is kept', () => {
  const database = new InMemory();
  const error = new Error('database or disk is full');
  const ends = () => {
    database.sqlite.exec('ROLLBACK');
    throw error;
  };
  const never = () => database.keep('never');
  expect(commitGroup(database, [() => database.keep('a'), ends, never], finish)).toEqual(Array(3).fill({ error }));
  expect(database.kept).toEqual([]);
  expect(commitGroup(database, [() => database.keep('later')], finish)).toEqual([{ value: 'later' }]);
});

test('when the commit or what comes before it fails, all of the group fail and nothing is kept', () => {
  const database = new InMemory();
  const error = new Error('no commit');
  const throws = () => {
    throw error;
  };
  expect(commitGroup(database, [() => database.keep('a')], throws)).toEqual([{ error }]);
  database.sqlite.exec('BEGIN');
  expect(commitGroup(database, [() => database.keep('b')], finish)).toEqual([{ error: expect.any(Error) }]);
  expect(database.kept).toEqual([]);
});
