/**
 * Dates and times of PostgreSQL as ISO 8601, by text: JavaScript's Date has milliseconds, PostgreSQL microseconds.
 *
 * The year 1 BC is 0000. Years beyond 9999 and before 0 have six digits and a sign (ECMA-262 Section 21.4.1.32.1).
 */

const DATE = /^(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(\.\d+)?)?([+-]\d\d(?::\d\d){0,2})?( BC)?$/;

interface Moment {
  /** Astronomical: 0 is 1 BC. */
  readonly year: number;
  /** "-05-31" and what follows, without the zone. */
  readonly monthAndDay: string;
  readonly time: string;
  /** ".5", or "". */
  readonly fraction: string;
  /** "+05:30", or "". */
  readonly zone: string;
}

export function dateJson(text: string): string {
  const moment = read(text);
  return JSON.stringify(moment === undefined ? text : `${yearText(moment.year)}${moment.monthAndDay}`);
}

export function timestampJson(text: string): string {
  const moment = read(text);
  if (moment === undefined) return JSON.stringify(text);
  const { year, monthAndDay, time, fraction } = moment;
  return JSON.stringify(`${yearText(year)}${monthAndDay}T${time}${fraction}`);
}

/** In UTC, with six digits of the second: one form for one moment, whatever the server's zone is. */
export function timestamptzJson(text: string): string {
  const moment = read(text);
  if (moment === undefined) return JSON.stringify(text);
  const { year, monthAndDay, time, fraction, zone } = moment;
  // Within Date's range, since PostgreSQL's last year with a zone is 294276 and Date's 275760, but for the latest ones.
  const local = new Date(`${yearText(year)}${monthAndDay}T${time}Z`);
  const utc = new Date(local.getTime() - zoneSeconds(zone) * 1_000);
  if (Number.isNaN(utc.getTime())) return JSON.stringify(text);
  const seconds = utc.toISOString().slice(0, -'.000Z'.length);
  return JSON.stringify(`${seconds}.${fraction.slice(1).padEnd(6, '0')}Z`);
}

/** @returns undefined for "infinity" and "-infinity" */
function read(text: string): Moment | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, digits = '', month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = '', era] = match;
  const year = era === undefined ? Number(digits) : 1 - Number(digits);
  return { year, monthAndDay: `-${month}-${day}`, time: `${hour}:${minute}:${second}`, fraction, zone };
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9_999) return String(year).padStart(4, '0');
  return `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`;
}

function zoneSeconds(zone: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = zone.slice(1).split(':').map(Number);
  const total = hours * 3_600 + minutes * 60 + seconds;
  return zone.startsWith('-') ? -total : total;
}
