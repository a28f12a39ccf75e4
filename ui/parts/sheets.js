// Questions over the page: quit, sign out, another workspace, undo. Safe choice first, destructive second, stay last; the focus begins on Stay.
import { h } from '../dom.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { askUndo, askWorkspace, openSignOut, view } from '../view.js';
import { button } from './controls.js';
import { hasEnded } from './words.js';

/** @typedef {import('../bindings.d.ts').WindowState} WindowState */

/** @param {WindowState} now */
export function sheet(now) {
  if (now.sheet) return quit(now.sheet.runs);
  const runs = now.runs.now.filter((run) => !hasEnded(run)).length;
  if (view.signOut) return signOut(runs);
  if (view.workspace !== null) return workspace(view.workspace, runs);
  if (view.undo !== null) return undo(view.undo);
  return null;
}

/** What Escape does. @param {WindowState} now @returns {boolean} */
export function closeSheet(now) {
  if (now.sheet) ipc.quit('stay').catch(() => {});
  else if (view.signOut) openSignOut(false);
  else if (view.workspace !== null) askWorkspace(null);
  else if (view.undo !== null) askUndo(null);
  else return false;
  return true;
}

/** @param {number} runs */
const quit = (runs) => frame('quit', words.sheet.quit(runs), [words.sheet.quitText(runs)], [
  button({ name: 'quit-finish', label: words.sheet.finish, busy: words.sheet.finishBusy, kind: 'primary wide', on: () => ipc.quit('finish') }),
  button({ name: 'quit-cancel', label: words.sheet.cancel(runs), busy: words.sheet.cancelBusy, kind: 'danger wide', on: () => ipc.quit('cancel') }),
  button({ name: 'stay', label: words.sheet.stay, kind: 'wide', on: () => ipc.quit('stay') }),
]);

/** @param {number} runs */
const signOut = (runs) => frame('sign-out', words.sheet.signOut, [words.sheet.signOutText, ...(runs > 0 ? [words.sheet.signOutRuns(runs)] : [])], [
  button({ name: 'stay', label: words.sheet.staySignedIn, kind: 'wide', on: () => openSignOut(false) }),
  button({ name: 'sign-out-do', label: words.sheet.signOutDo, busy: words.sheet.signOutBusy, kind: 'danger wide', on: () => ipc.signOut(), then: () => openSignOut(false) }),
]);

/** @param {string} id @param {number} runs */
const workspace = (id, runs) => frame('workspace', words.sheet.workspace, [words.sheet.workspaceText, ...(runs > 0 ? [words.sheet.workspaceRuns(runs)] : [])], [
  button({ name: 'stay', label: words.sheet.stay, kind: 'wide', on: () => askWorkspace(null) }),
  button({ name: 'workspace-do', label: words.sheet.workspaceDo, busy: words.sheet.workspaceBusy, kind: 'danger wide', on: () => ipc.set({ setting: 'workspace', value: id }), then: () => askWorkspace(null) }),
]);

/** @param {{ runId: string, undone: boolean }} of */
const undo = ({ runId, undone }) => frame('undo', undone ? words.sheet.undo : words.sheet.redo, undone ? [words.sheet.undoText, words.sheet.undoStays] : [words.sheet.redoText], [
  button({ name: 'stay', label: words.sheet.keep, kind: 'wide', on: () => askUndo(null) }),
  button({
    name: 'undo-do', label: undone ? words.sheet.undoDo : words.sheet.redoDo, busy: undone ? words.sheet.undoBusy : words.sheet.redoBusy, kind: undone ? 'danger wide' : 'wide',
    on: () => ipc.undo(runId, undone).finally(() => askUndo(null)),
  }),
]);

/**
 * @param {string} key
 * @param {string} title
 * @param {string[]} texts
 * @param {import('../dom.js').Child[]} buttons
 */
const frame = (key, title, texts, buttons) => h('div', { class: 'scrim', key },
  h('div', { class: 'sheet', role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'sheet-title', 'aria-describedby': 'sheet-text' },
    h('h2', { id: 'sheet-title' }, title),
    h('div', { id: 'sheet-text' }, texts.map((text) => h('p', null, text))),
    h('div', { class: 'stackb' }, buttons)));
