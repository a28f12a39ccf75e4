// Questions over the page.
import { plural } from './base.js';

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
  undo: 'Undo this run?',
  undoText: 'OpenCode puts the files that the agent changed back as they were before this run. Changes that you made to the same files since then go with it.',
  undoStays: 'What commands did stays done: pushes, installed packages, databases.',
  undoDo: 'Undo this run',
  undoBusy: 'Undoing',
  redo: 'Do it again?',
  redoText: 'OpenCode puts the files back as they were before you undid this run. Changes that you made to them since then go.',
  redoDo: 'Do it again',
  redoBusy: 'Doing it again',
  keep: 'Leave it as it is',
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
