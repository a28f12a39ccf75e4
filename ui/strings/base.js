// What every page says: numbers, the header, the tabs, the strips, the words of states.

/** @param {number} n @param {string} one @param {string} many */
export const plural = (n, one, many) => (n === 1 ? one : many.replace('{n}', String(n)));

export const unknown = '–';
export const belowCent = '<$0.01';
export const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * @param {number} h
 * @param {number} min
 * @param {number} s
 */
export function spokenTime(h, min, s) {
  const said = [];
  if (h > 0) said.push(plural(h, '1 hour', '{n} hours'));
  if (min > 0) said.push(plural(min, '1 minute', '{n} minutes'));
  if (s > 0 || said.length === 0) said.push(plural(s, '1 second', '{n} seconds'));
  return said.join(' ');
}

/** @param {number} n */
export function ordinal(n) {
  const last = n % 10;
  if (Math.floor(n / 10) % 10 === 1 || last === 0 || last > 3) return `${n}th`;
  return `${n}${['th', 'st', 'nd', 'rd'][last]}`;
}

export const app = {
  name: 'OrgX Peer',
  /** @param {string} title */
  title: (title) => `OrgX Peer: ${title}`,
  starting: 'Starting',
  pages: 'Pages',
  back: 'Back',
  close: 'Close',
  hide: 'Hide this',
  failed: 'That was not done',
  failedText: 'OrgX Peer did not answer. Try it again.',
};

export const tabs = { health: 'Health', runs: 'Runs', receipts: 'Receipts', sessions: 'Sessions', outbox: 'Outbox', settings: 'Settings' };

export const header = {
  /** @param {string} time */
  online: (time) => `Online ${time}`,
  act: { pause: 'Pause', resume: 'Resume', try_now: 'Try now' },
  busy: 'Trying',
  soon: 'a moment',
};

export const strips = {
  sandbox: 'Sandbox: nothing leaves this machine',
  signIn: 'Sign in',
  attached: 'Shows a peer that was started elsewhere',
  needsYou: 'Needs you',
  review: 'Review',
  /** @param {number} n */
  more: (n) => plural(n, 'and 1 more', 'and {n} more'),
  /** @param {boolean} over */
  test: (over) => (over ? 'The test task is over' : 'The test task is under way'),
  show: 'Show',
};

/** The words of states; the shapes and tones beside them are in parts/words.js. */
export const words = {
  needs_you: 'Needs you', queued: 'Queued', starting: 'Starting', running: 'Running', cancelling: 'Cancelling',
  completed: 'Done', failed: 'Run failed', cancelled: 'Cancelled', waiting: 'Waiting', delivered: 'Delivered', kept: 'Kept here only',
  refused: 'Refused by OrgX', stale: 'Stale', offline: 'Offline', deviation: 'Deviation',
};
