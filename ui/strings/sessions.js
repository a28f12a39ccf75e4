// The sessions of OpenCode.

/** The words of their states; the shapes and tones beside them are in parts/words.js. */
export const sessionWords = { active: 'Active', ready: 'Ready', idle: 'Idle', exited: 'Exited', blocked: 'Blocked' };

export const sessions = {
  label: 'OpenCode sessions',
  /**
   * @param {string} tokens
   * @param {string} cost
   */
  totals: (tokens, cost) => `${tokens} tokens · ${cost}`,
  /** @param {string} tokens */
  totalTokens: (tokens) => `${tokens} tokens`,
  fromOrgx: 'from OrgX',
  fromPeer: 'yours, by OrgX Peer',
  /** @param {string} name */
  subagent: (name) => `subagent “${name}”`,
  now: 'now',
  resume: 'Resume',
  copied: 'Copied',
  /** @param {string} title */
  resumeNamed: (title) => `Copy the command that resumes ${title}`,
  /** @param {string} command */
  copies: (command) => `Copies: ${command}`,
  /** @param {string} title */
  terminalNamed: (title) => `Open ${title} in a terminal`,
  terminal: 'Open in a terminal',
  foot: 'Read from OpenCode’s own list on this computer, and never changed there.',
  /** @param {number} n */
  more: (n) => `The newest ${n} are shown. Read from OpenCode’s own list on this computer, and never changed there.`,
  loading: 'Sessions are being read',
  empty: 'No sessions',
  emptyText: 'OpenCode has none on this computer.',
  trouble: 'The sessions cannot be read',
  some: 'Not all sessions can be read',
  stale: 'Stale',
  /** @param {string} time */
  asOf: (time) => `as of ${time}`,
};
