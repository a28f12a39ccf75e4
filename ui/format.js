// Numbers, times and paths, as people read and hear them. No function here knows the time: `now` is given.
import { spokenTime, months, unknown, belowCent } from './strings.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How many signs at the end of a folder or path always stay. */
const TAIL = 12;

/** @param {number} n */
const two = (n) => String(n).padStart(2, '0');

/** @param {number} ms */
const parts = (ms) => {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  return { h: Math.floor(seconds / 3600), min: Math.floor(seconds / 60) % 60, s: seconds % 60 };
};

/** `4:12`, `1:02:09`. @param {number} ms */
export function elapsed(ms) {
  const { h, min, s } = parts(ms);
  return h > 0 ? `${h}:${two(min)}:${two(s)}` : `${min}:${two(s)}`;
}

/** `4 minutes 12 seconds`. @param {number} ms */
export function spoken(ms) {
  const { h, min, s } = parts(ms);
  return spokenTime(h, min, s);
}

/** `940`, `18.4k`, `412k`, `1.24M`. @param {number} n */
export function tokens(n) {
  if (n < 1000) return String(Math.round(n));
  if (n < 99_950) return `${(n / 1000).toFixed(1)}k`;
  if (n < 999_500) return `${Math.round(n / 1000)}k`;
  const millions = n / 1e6;
  return `${millions.toFixed(millions < 9.995 ? 2 : millions < 99.95 ? 1 : 0)}M`;
}

/** `$0.21`; below a cent `<$0.01`; unknown `–`. @param {number | null} cents */
export function cost(cents) {
  if (cents === null) return unknown;
  return cents < 1 ? belowCent : `$${(cents / 100).toFixed(2)}`;
}

/** `3 s`, `51 min`, `2 h`, `4 d`. @param {number} ms */
export function age(ms) {
  const whole = Math.max(0, ms);
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)} h`;
  return `${Math.floor(whole / DAY)} d`;
}

/** `48 s`, `51 min`, `3 h 12 min`, `4 d 2 h`. @param {number} ms */
export function lasting(ms) {
  if (ms < HOUR) return age(ms);
  if (ms < DAY) return join(Math.floor(ms / HOUR), 'h', Math.floor((ms % HOUR) / MINUTE), 'min');
  return join(Math.floor(ms / DAY), 'd', Math.floor((ms % DAY) / HOUR), 'h');
}

/**
 * @param {number} big
 * @param {string} bigUnit
 * @param {number} small
 * @param {string} smallUnit
 */
const join = (big, bigUnit, small, smallUnit) => `${big} ${bigUnit}${small > 0 ? ` ${small} ${smallUnit}` : ''}`;

/**
 * `11:26` today, `Nov 18` before, `Nov 18, 2025` in another year.
 * @param {number} at
 * @param {number} now
 */
export function clock(at, now) {
  const then = new Date(at);
  if (isToday(at, now)) return `${then.getHours()}:${two(then.getMinutes())}`;
  const day = `${months[then.getMonth()]} ${then.getDate()}`;
  return then.getFullYear() === new Date(now).getFullYear() ? day : `${day}, ${then.getFullYear()}`;
}

/**
 * @param {number} at
 * @param {number} now
 */
export const isToday = (at, now) => new Date(at).toDateString() === new Date(now).toDateString();

/** `940 B`, `12 kB`, `1.3 MB`. @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  if (bytes < 999_500_000) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/**
 * The path with `~` in the place of the home folder.
 * @param {string} path
 * @param {string} home
 */
export function tilde(path, home) {
  if (home === '' || !path.startsWith(home)) return path;
  const rest = path.slice(home.length);
  return rest === '' || rest.startsWith('/') || rest.startsWith('\\') ? `~${rest}` : path;
}

/** The last part of a path. @param {string} path */
export const base = (path) => path.split(/[/\\]/).filter((part) => part !== '').at(-1) ?? path;

/**
 * A text in two parts, of which the first may be shortened and the second stays.
 * @param {string} text
 * @returns {[string, string]}
 */
export function ends(text) {
  const signs = Array.from(text);
  const cut = Math.max(0, signs.length - TAIL);
  return [signs.slice(0, cut).join(''), signs.slice(cut).join('')];
}
