// Health, and the skill rules.
import { plural } from './base.js';

export const health = {
  now: 'Now',
  nothing: 'Nothing is running',
  nothingPaused: 'Nothing is running, and nothing new is taken',
  /**
   * @param {string} time
   * @param {string} word
   */
  last: (time, word) => `Last task: ${time}, ${word}`,
  today: 'Today',
  done: 'Done',
  failed: 'Failed',
  tokens: 'Tokens',
  cost: 'Cost',
  connections: 'Connections',
  allWell: 'all well',
  still: 'Still on this computer',
  know: 'Worth knowing',
  orgx: 'OrgX',
  /** @param {number} ms */
  roundTrip: (ms) => `${ms} ms`,
  /** @param {string} age */
  heard: (age) => `heard ${age} ago`,
  /** @param {string} time */
  lastHeard: (time) => `last heard ${time}`,
  /** @param {number} n */
  tries: (n) => plural(n, '1 try', '{n} tries'),
  license: 'License',
  /** @type {Record<string, string>} */
  licenses: { active: 'Active', degraded: 'Degraded', revoked: 'Revoked' },
  notAsked: 'Not known yet',
  /** @param {string} time */
  asOf: (time) => `as of ${time}`,
  opencode: 'OpenCode',
  claude: 'Claude Code',
  /** @type {Record<string, string>} */
  claudes: { found: 'Found', off: 'Switched off', signed_out: 'Not signed in: run claude auth login' },
  rules: 'Rules',
  /** @param {number} n */
  loaded: (n) => plural(n, '1 in use', '{n} in use'),
  /** @param {number} n */
  skipped: (n) => plural(n, '1 skipped', '{n} skipped'),
  receipts: 'Receipts',
  /** @param {number} n */
  delivered: (n) => `${n} delivered`,
  /** @param {number} n */
  waiting: (n) => `${n} waiting`,
  outbox: 'Outbox',
  /** @param {number} n */
  lines: (n) => plural(n, '1 line today', '{n} lines today'),
  outboxOff: 'Off',
  outboxTrouble: 'Cannot be written',
  unsent: 'Not confirmed',
  /** @param {number} n */
  frames: (n) => plural(n, '1 report waits for OrgX', '{n} reports wait for OrgX'),
  /** @param {number} n */
  others: (n) => plural(n, '1 other problem follows from this', '{n} other problems follow from this'),
};

export const rules = {
  heading: 'Skill rules',
  text: 'OrgX sends them. OrgX Peer compares what agents do with them, on this computer.',
  inUse: 'In use',
  /** @param {number} n */
  count: (n) => plural(n, '1 rule', '{n} rules'),
  skipped: 'Skipped',
  skippedText: 'These cannot be read here. The others work.',
  none: 'No rules',
  noneText: 'OrgX has sent none. Runs go on without deviations.',
};
