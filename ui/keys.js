// The keyboard: ui.md's map. No key here allows or denies anything but Ctrl+Enter on the page that asks.
import { copyOf } from './dom.js';
import * as ipc from './ipc.js';
import { closeSheet } from './parts/sheets.js';
import { TABS } from './parts/chrome.js';
import { act, go, openTest, view } from './view.js';

/** @typedef {import('./bindings.d.ts').WindowState} WindowState */

/** The longest text that is copied from a row, in bytes; the shell takes no more. */
const COPY = 4096;
const ROWS = '.main [data-row], .main a.row, .main button.row, .main .row[tabindex], .main button.fact';
const INSIDE = 'button:not([disabled]), input:not([disabled]), summary, [tabindex="0"]';

/** @param {() => WindowState | null} state */
export function listenToKeys(state) {
  document.addEventListener('keydown', (event) => {
    const now = state();
    if (!now || event.isComposing) return;
    const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey;
    const isDone = isCommand ? command(event, now) : plain(event, now);
    if (isDone) event.preventDefault();
  });
}

/** @param {KeyboardEvent} event @param {WindowState} now */
function command(event, now) {
  const key = event.key.toLowerCase();
  if (key === 'w') return run(() => ipc.closeWindow());
  if (key === 'c') return copy();
  if (isInSheet(now) || now.screen !== 'main') return false;
  const tab = TABS[Number(key) - 1];
  if (tab) return go({ page: tab[0] }), true;
  if (key === ',') return go({ page: 'settings' }), true;
  if (key === 'n') return needs(now);
  if (key === 'p') return pause(now);
  if (key === 'enter' && view.page.page === 'need') return press('.bar .primary');
  return false;
}

/** @param {KeyboardEvent} event @param {WindowState} now */
function plain(event, now) {
  if (event.key === 'Tab' && isInSheet(now)) return trap(event.shiftKey);
  if (event.key === 'Escape') return escape(now);
  if (isInSheet(now) || isInField(event.target)) return false;
  if (event.key === 'ArrowDown') return step(1);
  if (event.key === 'ArrowUp') return step(-1);
  return false;
}

/** @param {WindowState} now */
const isInSheet = (now) => now.sheet !== null || view.signOut || view.workspace !== null || view.undo !== null;

/** @param {EventTarget | null} target */
const isInField = (target) => target instanceof HTMLInputElement && (target.type === 'text' || target.type === 'password' || target.type === 'radio');

/** @param {() => Promise<unknown>} what */
function run(what) {
  act('key', what);
  return true;
}

/** @param {string} css */
function press(css) {
  /** @type {HTMLElement | null} */ (document.querySelector(css))?.click();
  return true;
}

/** @param {WindowState} now */
function needs(now) {
  if (now.needs[0]) go({ page: 'need', id: now.needs[0].id });
  return true;
}

/** @param {WindowState} now */
function pause(now) {
  if (now.header.act === 'pause') return run(() => ipc.pause(false));
  if (now.header.act === 'resume') return run(() => ipc.resume());
  return true;
}

/** Back, then closes the window. @param {WindowState} now */
function escape(now) {
  if (closeSheet(now)) return true;
  if (view.test && now.screen === 'main') return openTest(false), true;
  if (document.querySelector('.main .back')) return press('.main .back');
  if (now.screen === 'setup') return true;
  return run(() => ipc.closeWindow());
}

/** From row to row. @param {1 | -1} by */
function step(by) {
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(ROWS)]);
  if (rows.length === 0) return false;
  const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  rows[Math.min(rows.length - 1, Math.max(0, next))]?.focus();
  return true;
}

/** The text of the row that has the focus, when nothing is selected. */
function copy() {
  const text = copyOf(document.activeElement);
  if (text === undefined || String(getSelection()) !== '') return false;
  let short = text;
  while (new TextEncoder().encode(short).length > COPY) short = Array.from(short).slice(0, -64).join('');
  return run(() => ipc.copyText(short));
}

/** Tab stays in the sheet. @param {boolean} isBack */
function trap(isBack) {
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(`.sheet :is(${INSIDE})`)]);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = at < 0 ? (isBack ? all.length - 1 : 0) : (at + (isBack ? -1 : 1) + all.length) % all.length;
  all[next]?.focus();
  return true;
}
