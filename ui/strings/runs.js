// Runs, and one run.
import { plural } from './base.js';

export const runs = {
  now: 'Now',
  today: 'Earlier today',
  before: 'Before today',
  /**
   * @param {number} taken
   * @param {number} places
   */
  places: (taken, places) => `${taken} of ${plural(places, '1 place', '{n} places')} taken`,
  empty: 'No runs yet',
  emptyText: 'Tasks that OrgX sends to this computer show up here, step by step.',
  error: 'The runs cannot be read',
  cancel: 'Cancel',
  cancelBusy: 'Stopping',
  /** @param {string} title */
  cancelNamed: (title) => `Cancel ${title}`,
  /** @param {number} n */
  deviations: (n) => plural(n, '1 deviation', '{n} deviations'),
  /** @param {string} n */
  tokens: (n) => `${n} tokens`,
  local: 'yours, not from OrgX',
  loading: 'Runs are being read',
};

export const run = {
  elapsed: 'Elapsed', took: 'Took', waits: 'Waits', tokens: 'Tokens', cost: 'Cost', deviations: 'Deviations',
  steps: 'Steps',
  fromStart: 'from the start',
  /** @param {string} folder */
  started: (folder) => `Started in ${folder}`,
  startedAnywhere: 'Started',
  /** @param {number} n */
  gap: (n) => plural(n, '1 earlier step is not kept', '{n} earlier steps are not kept'),
  working: 'Working',
  cancelling: 'Stopping the agent',
  asks: 'Waits for you',
  startingUp: 'Starting the agent',
  queued: 'Waits for a free place',
  nothingYet: 'No steps yet',
  /**
   * @param {string} what
   * @param {string} place
   */
  deviation: (what, place) => `${what} in ${place}`,
  showFile: 'Show the file',
  mute: 'Mute this rule',
  muted: 'This rule is muted',
  unmute: 'Unmute',
  folder: 'Folder',
  openFolder: 'Show',
  openFolderNamed: 'Show the folder of this run',
  /** @param {string} commit */
  clean: (commit) => `Before it: ${commit}, clean`,
  /**
   * @param {string} commit
   * @param {number} n
   */
  dirty: (commit, n) => plural(n, `Before it: ${commit}, 1 file changed`, `Before it: ${commit}, {n} files changed`),
  /** @param {string} commit */
  commit: (commit) => `Before it: ${commit}`,
  undoneNow: 'Undone: its changes are taken back',
  open: 'Open in OpenCode',
  openTitle: 'Opens its session in a terminal',
  copy: 'Copy the command that opens its session',
  copied: 'Copied',
  undo: 'Undo this run',
  redo: 'Do it again',
  review: 'Review',
  cancel: 'Cancel run',
  cancelBusy: 'Cancelling',
  receipt: 'Receipt',
  error: 'This run cannot be read',
  gone: 'This run is not kept any more',
  goneText: 'Its receipt, if it had one, is under Receipts.',
  failedTold: 'OrgX was told.',
  cancelledTold: 'OrgX was told that it was cancelled here.',
  /** @param {string} id */
  id: (id) => `Run ${id}`,
};
