// Every word of the pages. Words that the tray says too (titles, notices, strips) come with the state.
// A sentence is written whole here, with its numbers and names put in: pages never build one from pieces.

/** @param {number} n @param {string} one @param {string} many */
const plural = (n, one, many) => (n === 1 ? one : many.replace('{n}', String(n)));

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

export const tabs = { health: 'Health', runs: 'Runs', receipts: 'Receipts', outbox: 'Outbox', settings: 'Settings' };

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

export const signIn = {
  heading: 'Let OrgX use this computer’s coding agents',
  text: 'OrgX Peer runs tasks from OrgX with the agents and the subscription you already have.',
  found: 'Sign-in found on this computer',
  /** @param {string} last4 */
  ending: (last4) => `key ending ${last4}`,
  /** @param {string} last4 */
  endingAlone: (last4) => `Key ending ${last4}`,
  /** @param {string} whose */
  from: (whose) => `from ${whose}`,
  useFound: 'Use this sign-in',
  useFoundBusy: 'Signing in',
  browser: 'Connect in the browser',
  browserText: 'Makes a new key. Other OrgX plugins that were connected this way may have to connect again.',
  paste: 'Paste a key',
  pasteText: 'From OrgX settings. It starts with oxk_',
  foot: 'The key is kept in this computer’s keychain. Nothing is sent before you choose.',
  /** @param {string} host */
  goesTo: (host) => `The key is sent to ${host} and nowhere else.`,
  back: 'Sign in',
  leave: 'Not now',
};

export const paste = {
  heading: 'Paste a key',
  text: 'Make one in OrgX under Settings, API keys. It must be allowed to receive tasks.',
  label: 'Key',
  open: 'Open OrgX',
  empty: 'There is no key here yet. Paste it, then check it.',
  send: 'Check and sign in',
  sendBusy: 'Checking',
};

export const checking = { heading: 'Signing in', text: 'This takes a few seconds. The key is kept before anything else is done.' };

export const pairing = {
  heading: 'Connect in the browser',
  text: 'Check that the page shows this code, then press Connect there.',
  starting: 'Asking OrgX for a code',
  code: 'Code',
  waiting: 'Waiting for you in the browser',
  timeLeft: 'Time left',
  /** @param {string} time */
  left: (time) => `${time} left`,
  open: 'Open again',
  copy: 'Copy link',
  copied: 'Copied',
  cancel: 'Cancel',
};

/** @type {Record<import('./bindings.d.ts').Way, string>} */
export const again = { browser: 'Get a new code', paste: 'Paste another key', found: 'Try again' };
export const otherWay = 'Another way to sign in';

export const keychain = {
  heading: 'Where should the key be kept?',
  text: 'OrgX knows the key, and the keychain did not take it.',
  again: 'Try again',
  againBusy: 'Trying',
  memory: 'Keep it in memory until I quit',
  memoryText: 'Nothing is written. You sign in again after the next start.',
  file: 'Keep it in a file',
  fileText: 'Programs that run as you can read a file. Choose this only when this computer has no keychain.',
  fileDo: 'Keep it in this file',
  fileWhere: 'File',
};

export const setup = {
  /** @param {number} n */
  step: (n) => `${n} of 4`,
  /** @param {number} n */
  spoken: (n) => `Step ${n} of 4`,
  next: 'Continue',
  back: 'Back',
  where: 'Where may agents work?',
  whereText: 'Tasks from OrgX can only open these folders and what is inside them.',
  workspace: 'Workspace',
  workspaceId: 'Workspace id',
  workspaceHint: 'In OrgX under Settings, Workspace. Tasks of this workspace are taken, and no others.',
  workspaceBad: 'An id is one word: letters, digits, hyphens and underscores.',
  workspaceUse: 'Use this id',
  workspaceOther: 'Use another id',
  folders: 'Folders',
  add: 'Add a folder',
  addBusy: 'Choosing a folder',
  typed: 'Or type its path',
  typedDo: 'Add',
  typedBad: 'A path starts at the root or at ~, for example ~/code/shop.',
  /** @param {string} name */
  remove: (name) => `Remove ${name}`,
  removeShort: 'Remove',
  none: 'No folder yet',
  any: 'Any folder',
  anyText: 'Agents may open everything you can open. Choose this only on a computer made for it.',
  trust: 'Allowing a folder trusts the OpenCode configuration, plugins and MCP servers in it: they run as you when a task starts there.',
  far: 'How far may agents go?',
  farIs: 'As your OpenCode is configured',
  farText: 'What OpenCode may do without asking, its own configuration says. OrgX cannot widen it.',
  missing: 'Choose a workspace and a folder first',
  missingWorkspace: 'Choose a workspace first',
  missingFolder: 'Choose a folder first',
  way: 'Out of your way',
  wayText: 'You can change both later.',
  autostart: 'Start at login',
  autostartText: 'Starts quietly, without a window.',
  notifications: 'Notifications',
  notificationsText: 'When an agent needs you, a rule fires or a run fails. Your system may ask you next.',
  done: 'This computer is ready',
  /** @param {string} workspace */
  doneText: (workspace) => `${workspace} can now send tasks here. You can close this window: OrgX Peer stays in the tray.`,
  doneTextNoName: 'OrgX can now send tasks here. You can close this window: OrgX Peer stays in the tray.',
  legend: 'What the icon says',
  legends: { ready: 'Ready', running: 'Running', paused: 'Paused', connecting: 'Connecting', 'signed-out': 'Signed out' },
  diamond: 'A diamond beside it: an agent needs you',
  mark: 'An exclamation mark beside it: something must be put right',
  signedIn: 'Signed in',
  open: 'Open OrgX Peer',
  test: 'Send a test task',
  testBusy: 'Sending',
};

export const test = {
  heading: 'Test task',
  text: 'It runs in the sandbox: nothing leaves this computer, and nobody is charged.',
  agent: 'Agent',
  starting: 'Starting the sandbox',
  failed: 'The test task came to nothing',
  over: 'It works',
  overText: 'Tasks from OrgX take the same way.',
  close: 'Close',
};

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
  found: 'Found',
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
  openFolder: 'Show the folder',
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

export const receipts = {
  waiting: 'Waiting',
  refused: 'Refused',
  delivered: 'Delivered',
  tryNow: 'Try now',
  tryNowBusy: 'Trying',
  kept: 'Nothing is lost: receipts are kept on this computer until OrgX confirms them.',
  refusedText: 'OrgX will not take these. They stay here, and can be copied.',
  /**
   * @param {number} n
   * @param {string} time
   */
  nextTry: (n, time) => `try ${n} in ${time}`,
  trying: 'being sent',
  local: 'kept here only',
  notTaken: 'confirmed by the connection',
  empty: 'No receipts yet',
  emptyText: 'Each run ends with one. It stays here until OrgX confirms it.',
  copy: 'JSON',
  copied: 'Copied',
  /** @param {string} title */
  copyNamed: (title) => `Copy the receipt of ${title} as JSON`,
  copyLong: 'Copy as JSON',
  loading: 'Receipts are being read',
};

export const outbox = {
  keep: 'Keep the outbox',
  keepText: 'A file on this computer that says what agents did. The OrgX wizard may read it; OrgX Peer does not send it.',
  linesToday: 'Lines today', lines: 'Lines', size: 'Size', last: 'Last line', kind: 'Its kind',
  /** @param {string} age */
  ago: (age) => `${age} ago`,
  where: 'Where it is',
  show: 'Show',
  showNamed: 'Show the outbox in its folder',
  holds: 'What a line holds',
  only: 'Only',
  onlyList: ['Kinds and times', 'Counts', 'Run and session ids', 'Folder and file paths'],
  never: 'Never',
  neverList: ['Prompts and titles', 'What agents wrote', 'Code and diffs', 'Keys'],
  offText: 'Nothing is written. What was written before is still there.',
  empty: 'No line yet',
  emptyText: 'The first run writes the first line.',
  trouble: 'The outbox cannot be written',
};

export const settings = {
  general: 'General',
  pause: 'Take no new tasks',
  pauseText: 'New tasks wait in OrgX. What runs goes on.',
  afterRuns: 'Pause after current runs',
  autostart: 'Start at login',
  startOpencode: 'Start OpenCode when a task needs it',
  concurrent: 'Runs at the same time',
  less: 'One less',
  more: 'One more',
  folders: 'Folders',
  anyFolder: 'Any folder',
  anyFolderText: 'Agents may open everything you can open. Add a folder to change that.',
  anyFolderFixed: 'Agents may open everything you can open.',
  notifications: 'Notifications',
  kinds: {
    needs_you: 'Needs you', deviations: 'Deviations', run_failed: 'Run failed', offline: 'Offline for 10 minutes',
    license: 'License revoked',
  },
  muted: 'Muted rules',
  unmute: 'Unmute',
  /** @param {string} rule */
  unmuteNamed: (rule) => `Unmute ${rule}`,
  leaves: 'What leaves this computer',
  presence: 'Presence',
  presenceText: 'Tells OrgX every 20 s that this computer is here',
  outbox: 'Keep the outbox',
  outboxText: 'Stays on this computer; says what agents did',
  account: 'Account',
  workspace: 'Workspace',
  changeWorkspace: 'Take the tasks of another workspace',
  /**
   * @param {string} last4
   * @param {string | null} place
   */
  key: (last4, place) => {
    /** @type {Record<string, string>} */
    const where = { keychain: 'in the keychain', memory: 'in memory until you quit', file: 'in a file', environment: 'from the environment' };
    const known = place === null ? undefined : where[place];
    return known ? `Key ending ${last4}, ${known}` : `Key ending ${last4}`;
  },
  signOut: 'Sign out…',
  signOutFixed: 'To sign out, remove the key from the environment.',
  noWorkspace: 'No workspace',
  diagnostics: 'Diagnostics',
  logs: 'Logs',
  copy: 'Copy',
  copied: 'Copied',
  copyNamed: 'Copy diagnostics',
  logsNamed: 'Show the logs',
  /** @param {string} version */
  foot: (version) => `OrgX Peer ${version}. Diagnostics never hold keys, prompts or titles.`,
  fixed: 'Set by the environment',
  none: 'Nothing to set here',
  noneText: 'The peer that does the work was started elsewhere, and is set there.',
};

export const need = {
  /**
   * @param {number} at
   * @param {number} of
   */
  pager: (at, of) => `${at} of ${of}`,
  previous: 'Previous',
  next: 'Next',
  folderHeading: 'Work in this folder?',
  heading: 'An agent needs you',
  folder: 'Folder',
  run: 'Task',
  waiting: 'Waiting',
  /**
   * @param {string} waited
   * @param {string} left
   */
  times: (waited, left) => `${waited}, then denied in ${left}`,
  explain: 'What allowing a folder means',
  once: '“Allow once” lets this one task work there. “Always allow this folder” adds it to your folders, which you can change in the settings.',
  allowOnce: 'Allow once',
  allowOnceBusy: 'Allowing',
  always: 'Always allow this folder',
  alwaysBusy: 'Allowing',
  deny: 'Deny',
  gone: 'Nothing waits for you here',
  goneText: 'It was answered, or its time was up.',
  toRuns: 'See the runs',
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

export const sheet = {
  /** @param {number} n */
  quit: (n) => plural(n, 'Quit while 1 run is active?', 'Quit while {n} runs are active?'),
  /** @param {number} n */
  quitText: (n) => plural(n, 'OrgX Peer can take no new task and quit when it is done.', n === 2
    ? 'OrgX Peer can take no new task and quit when both are done.'
    : 'OrgX Peer can take no new task and quit when all {n} are done.'),
  finish: 'Finish first, then quit',
  finishBusy: 'Finishing',
  /** @param {number} n */
  cancel: (n) => plural(n, 'Cancel it and quit', n === 2 ? 'Cancel both and quit' : 'Cancel all {n} and quit'),
  cancelBusy: 'Cancelling',
  stay: 'Stay',
  signOut: 'Sign out on this computer?',
  signOutText: 'The key is removed from this computer, and OrgX can send no more tasks here. Receipts, the outbox and your settings stay.',
  /** @param {number} n */
  signOutRuns: (n) => plural(n, '1 run is active. It ends, and OrgX is told.', '{n} runs are active. They end, and OrgX is told.'),
  signOutDo: 'Sign out',
  signOutBusy: 'Signing out',
  staySignedIn: 'Stay signed in',
  workspace: 'Take the tasks of another workspace?',
  workspaceText: 'The peer starts again for it. The workspace of now can send no more tasks here.',
  /** @param {number} n */
  workspaceRuns: (n) => plural(n, '1 run is active. It ends, and OrgX is told.', '{n} runs are active. They end, and OrgX is told.'),
  workspaceDo: 'Change the workspace',
  workspaceBusy: 'Changing',
};
