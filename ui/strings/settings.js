// Settings.
import { plural } from './base.js';

export const settings = {
  general: 'General',
  pause: 'Take no new tasks',
  pauseText: 'New tasks wait in OrgX. What runs goes on.',
  afterRuns: 'Pause after current runs',
  autostart: 'Start at login',
  startOpencode: 'Start OpenCode when a task needs it',
  keepAwake: 'Keep this computer awake while a task runs',
  keepAwakeText: 'Not on a low battery',
  asks: 'When an agent asks',
  askCommands: 'Ask before commands',
  askCommandsText: 'Also those that your OpenCode runs unasked',
  askDirty: 'Ask when a folder has uncommitted changes',
  askDirtyText: 'Before a task starts there',
  remote: 'Ask in OrgX too',
  remoteText: 'Sends OrgX the kind of request, its command line, file name or address, the folder, a limit, and questions as the agent wrote them, with secrets masked. Whoever may answer in your workspace can then say yes. No file’s content, diff or prompt is sent.',
  limits: 'Limits',
  limitsText: 'At a limit the task stops and asks you.',
  perTask: 'Each task',
  perDay: 'Each day',
  noLimit: 'No limit',
  budget: { tokens: 'Tokens', dollars: 'Dollars', minutes: 'Minutes' },
  budgetHint: 'Empty: no limit',
  budgetSave: 'Set',
  budgetSaveBusy: 'Setting',
  budgetSaved: 'Set',
  badTokens: 'Such as 200000 or 200k.',
  badDollars: 'Such as 5 or 2.50.',
  badMinutes: 'Whole minutes, such as 30.',
  badZero: 'At least 1; leave it empty for no limit.',
  badCent: 'At least a cent; leave it empty for no limit.',
  badMost: 'That is too much to count.',
  /** @param {string} n */
  tokens: (n) => `${n} tokens`,
  /** @param {number} n */
  min: (n) => `${n} min`,
  /** @param {number} n */
  minutes: (n) => plural(n, '1 minute', '{n} minutes'),
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
