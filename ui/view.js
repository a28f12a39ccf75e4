// What the window knows besides the state: which page is open, what is being done, what went wrong last.
// Pages read `view` and call the functions here; nothing else changes it.
import * as ipc from './ipc.js';
import { app } from './strings.js';

/**
 * @typedef {import('./bindings.d.ts').WindowState} WindowState
 * @typedef {import('./bindings.d.ts').Page} Page
 * @typedef {import('./bindings.d.ts').Failure} Failure
 * @typedef {{ phase: 'waiting' | 'busy' | 'done' }} Doing
 */

/** How long something is done before its button says so. */
const QUIET = 300;
/** How long a button says that it is done. */
const DONE = 1600;

export const view = {
  /** @type {Page} */
  page: { page: 'health' },
  /** Is the test task's page open? */
  test: false,
  /** Is the sign-out sheet open? */
  signOut: false,
  /** The workspace that the sheet asks about. @type {string | null} */
  workspace: null,
  /** The run that the sheet asks about, and what is to become of it. @type {{ runId: string, undone: boolean } | null} */
  undo: null,
  /** @type {Failure | null} */
  failure: null,
  /** What is being done, by the button's name. @type {Map<string, Doing>} */
  doing: new Map(),
  /** What a switch was set to and the state does not say yet. @type {Map<string, { value: boolean | number, settled: boolean }>} */
  wanted: new Map(),
  /** What is wrong with what was typed into a field, by its name. @type {Map<string, string>} */
  wrong: new Map(),
  now: Date.now(),
  /** Spoken once. */
  said: '',
};

/** @type {() => void} */
let redraw = () => {};
/** @type {(where: string) => void} */
let focusOn = () => {};

/**
 * @param {() => void} draw
 * @param {(where: string) => void} focus
 */
export function onChange(draw, focus) {
  redraw = draw;
  focusOn = focus;
}

export const changed = () => redraw();

/**
 * Opens a page, and tells the shell.
 * @param {Page} page
 * @param {string} [where] what gets the focus
 */
export function go(page, where = page.page === 'need' ? 'heading' : 'main') {
  view.page = page;
  view.test = false;
  view.failure = null;
  view.wrong.clear();
  redraw();
  focusOn(where);
  ipc.showPage(page).catch(failed);
}

/** @param {boolean} open */
export function openTest(open) {
  view.test = open;
  redraw();
  focusOn('main');
}

/** @param {boolean} open */
export function openSignOut(open) {
  view.signOut = open;
  redraw();
}

/** @param {{ runId: string, undone: boolean } | null} undo */
export function askUndo(undo) {
  view.undo = undo;
  redraw();
}

/** @param {string | null} id */
export function askWorkspace(id) {
  view.workspace = id;
  // The one of now is shown as chosen until another one is.
  for (const name of view.wanted.keys()) if (name.startsWith('workspace-')) view.wanted.delete(name);
  redraw();
}

/**
 * Does something for a button. Only one thing is done for it at a time.
 * @param {string} name the button's name
 * @param {() => Promise<unknown>} what
 * @param {{ done?: string, then?: () => void }} [after] what is said when it is done; what follows
 */
export async function act(name, what, after = {}) {
  if (view.doing.has(name)) return;
  /** @type {Doing} */
  const doing = { phase: 'waiting' };
  view.doing.set(name, doing);
  view.failure = null;
  const shown = setTimeout(() => {
    doing.phase = 'busy';
    redraw();
  }, QUIET);
  redraw();
  let isDone = false;
  try {
    await what();
    isDone = true;
  } catch (error) {
    failed(error);
  }
  clearTimeout(shown);
  view.doing.delete(name);
  if (isDone && after.done) {
    view.said = after.done;
    view.doing.set(name, { phase: 'done' });
    setTimeout(() => {
      view.doing.delete(name);
      view.said = '';
      redraw();
    }, DONE);
  }
  redraw();
  if (isDone) after.then?.();
}

/**
 * Sets a switch or a stepper, which shows the new value at once, and the old one again when it was refused.
 * @param {string} name
 * @param {boolean | number} value
 * @param {() => Promise<unknown>} what
 */
export async function choose(name, value, what) {
  const wanted = { value, settled: false };
  view.wanted.set(name, wanted);
  view.failure = null;
  redraw();
  try {
    await what();
    wanted.settled = true;
  } catch (error) {
    view.wanted.delete(name);
    failed(error);
  }
}

/**
 * A new state has come: what switches were set to, it says itself.
 * @param {WindowState} state
 */
export function told(state) {
  for (const [name, wanted] of view.wanted) if (wanted.settled) view.wanted.delete(name);
  if (state.test === null) view.test = false;
}

/** @param {unknown} error */
export function failed(error) {
  const said = /** @type {Partial<Failure> | null} */ (typeof error === 'object' ? error : null);
  view.failure = { title: said?.title ?? app.failed, text: said?.text ?? app.failedText };
  redraw();
}

export function forgetFailure() {
  view.failure = null;
  redraw();
}

/** @param {Page} page */
export const nameOf = (page) => JSON.stringify(page);
