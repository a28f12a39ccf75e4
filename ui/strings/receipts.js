// Receipts and the outbox.

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
