// Sign-in and the first run.

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

/** @type {Record<import('../bindings.d.ts').Way, string>} */
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
